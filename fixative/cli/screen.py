"""How the commands write: tables for people, whole lines for pipes, JSON when asked."""

import json
from collections.abc import Iterable
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

WIDE = 1000  # a pipe gets whole lines, however long
STYLES = {
    "succeeded": "green",
    "failed": "red",
    "canceled": "yellow",
}

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def stdout() -> Console:
    """Where results go. What comes from outside is printed as it is, never as markup."""
    console = Console(markup=False, highlight=False, emoji=False)
    if not console.is_terminal:
        console.width = WIDE
    return console


def stderr() -> Console:
    """Where progress goes."""
    return Console(stderr=True, markup=False, highlight=False, emoji=False)


def print_json(value: Any) -> None:
    """For programs to read."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def table(*columns: str) -> Table:
    """A table of plain columns; one whose name ends in `>` stands to the right."""
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for column in columns:
        justify = "right" if column.endswith(">") else "left"
        made.add_column(column.rstrip(">"), justify=justify, overflow="fold")  # type: ignore[arg-type]
    return made


def status_text(status: str) -> Text:
    """A status in its colour."""
    return Text(status, STYLES.get(status, "cyan"))


def count(number: int) -> str:
    """A number that can be read at a glance."""
    return f"{number:,}"


def moment(iso: str | None) -> str:
    """A point in time, to the second, in UTC as the API gives it."""
    return iso.replace("T", " ")[:19] if iso else ""


def media_table(media: Iterable[dict[str, Any]]) -> Table:
    """What is stored of a job, and where to get it."""
    made = table("media", "type", "bytes>", "SHA-256", "link")
    for item in media:
        made.add_row(
            item["name"],
            item["content_type"],
            count(item["bytes"]),
            item["sha256"][:12],
            Text(item["url"], "blue"),
        )
    return made


def error_lines(error: dict[str, Any] | None) -> list[str]:
    """A job's error, in words."""
    return [f"{error['code']}: {error['message']}"] if error else []
