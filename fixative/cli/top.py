"""`fixative top`: how it goes, in a terminal, looked at again every two seconds."""

import time
from datetime import UTC, datetime
from typing import Any

import click
from rich.console import Group, RenderableType
from rich.live import Live
from rich.text import Text

from fixative.cli.api_client import ApiAway, connect
from fixative.cli.screen import as_json, count, print_json, status_text, stdout, table

EVERY_SECONDS = 2.0
BARS = " ▁▂▃▄▅▆▇█"
MINUTES = 60


@click.command()
@click.option("--once", is_flag=True, help="Look once, and end.")
@as_json
def top(*, once: bool, as_json: bool) -> None:
    """Show the last hour and what is under way, until Ctrl-C."""
    with connect() as api:
        now = api.get("/overview")
        if as_json:
            print_json(now)
            return
        out = stdout()
        if once or not out.is_terminal:
            out.print(_shown(now))
            return
        with Live(_shown(now), console=out, screen=True, auto_refresh=False) as live:
            while True:
                time.sleep(EVERY_SECONDS)
                try:
                    live.update(_shown(api.get("/overview")), refresh=True)
                except ApiAway as error:
                    live.update(Text(f"{error}", "red"), refresh=True)


def _shown(now: dict[str, Any]) -> RenderableType:
    return Group(_figures(now), Text(), _minutes(now["minutes"]), Text(), _stages(now["stages"]))


def _figures(now: dict[str, Any]) -> RenderableType:
    figures = table("the last hour", "")
    figures.add_row("accepted", count(now["accepted"]))
    figures.add_row("success", _percent(now["success_rate"]))
    figures.add_row(
        "time to media",
        f"{_seconds(now['p50_seconds'])}, p95 {_seconds(now['p95_seconds'])}",
    )
    told = now["told_by"]
    figures.add_row("ends told", ", ".join(f"{told[by]:,} by {by}" for by in sorted(told)) or "–")
    if now["expires_at"]:
        left = (datetime.fromisoformat(now["expires_at"]) - datetime.now(UTC)).total_seconds()
        expiring = f"{max(0.0, left / 60):.0f} min to the first output that is not stored"
        figures.add_row("expires", Text(expiring, "yellow"))
    return figures


def _minutes(minutes: list[dict[str, Any]]) -> RenderableType:
    """Jobs a minute as a line of bars, now at its right end."""
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    bars = [0] * MINUTES
    for minute in minutes:
        ago = int((now - datetime.fromisoformat(minute["at"])).total_seconds() // 60)
        if 0 <= ago < MINUTES:
            bars[MINUTES - 1 - ago] = minute["accepted"]
    most = max(*bars, 1)
    steps = len(BARS) - 1
    line = "".join(BARS[-(-bar * steps // most)] for bar in bars)
    return Text(line, "cyan") + Text(
        f" {count(bars[-1])} this minute, {count(most)} at most", "dim"
    )


def _stages(stages: list[dict[str, Any]]) -> RenderableType:
    if not stages:
        return Text("nothing is under way", "dim")
    shown = table("under way", "jobs>", "oldest was due", "waits for", "job")
    for stage in stages:
        late = (datetime.now(UTC) - datetime.fromisoformat(stage["due_since"])).total_seconds()
        shown.add_row(
            status_text(stage["status"]),
            count(stage["jobs"]),
            f"{_seconds(max(0.0, late))} ago",
            stage["waiting"] or "–",
            stage["oldest"],
        )
    return shown


def _seconds(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f} s"


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f} %"
