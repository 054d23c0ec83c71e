"""`fixative replay`: records back into the database."""

import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fixative.cli.offline import offline_settings
from fixative.cli.run_file import data_dir_option
from fixative.cli.screen import count, stderr, stdout, table

if TYPE_CHECKING:
    from fixative.recovery.replay import Outcome

EVERY = 500  # records, on a terminal that shows no bar
DONE = ("replayed", "updated", "already there")
TOLD = ("failed", "corrupt", "refused")  # by name, without --verbose too
CONDITIONAL = {"replayed": "would be replayed", "updated": "would be updated"}


class Day(click.ParamType[date]):
    """A UTC day."""

    name = "YYYY-MM-DD"

    def convert(self, value: Any, param: Any, ctx: Any) -> date:
        """The day, or a usage error."""
        try:
            return date.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is no day (YYYY-MM-DD)", param, ctx)


@click.command()
@click.option("--file", metavar="F", help="One record, or one archive.")
@click.option("--directory", metavar="D", help="All records below a directory.")
@click.option("--use-default-output-dir", is_flag=True, help="All records in OUTPUT_DIR.")
@click.option("--since", type=Day(), help="Not those of earlier days.")
@click.option("--until", type=Day(), help="Not those of later days.")
@click.option("--pattern", metavar="GLOB", default="*.json", show_default=True, help="File names.")
@click.option("--dry-run", is_flag=True, help="Say what would happen, and change nothing.")
@click.option("--verbose", is_flag=True, help="Say of every record what became of it.")
@data_dir_option
def replay(
    *,
    file: str | None,
    directory: str | None,
    use_default_output_dir: bool,
    since: date | None,
    until: date | None,
    pattern: str,
    dry_run: bool,
    verbose: bool,
    data_dir: Path,
) -> None:
    """Make jobs again from their records; what is there already stays as it is.

    Exit code 1 when a record was corrupt or refused.
    """
    from fixative.recovery.replay import WRONG
    from fixative.recovery.replay_find import Chosen
    from fixative.telemetry.logging import configure_logging
    from worker.services import Services

    if (file is not None) + (directory is not None) + use_default_output_dir != 1:
        raise click.UsageError("name one of --file, --directory and --use-default-output-dir")
    settings = offline_settings(data_dir)
    configure_logging(settings.fixative_log_format, environment=settings.fixative_env)
    services = Services(settings, connections=1)
    chosen = Chosen(pattern, since, until)
    counted, began = Counter[str](), time.monotonic()
    try:
        with _progress(counted) as (say, step):
            found = services.replayer.find(file or directory or settings.output_dir, chosen)
            outcomes = services.replayer.replay_all(found, chosen, dry_run=dry_run)
            for entry, outcome in outcomes:
                if verbose or outcome.what in TOLD:
                    say(f"{_line(outcome, dry_run)}: {entry.name}", outcome.detail)
                counted[outcome.what] += 1
                step()
    finally:
        services.close()
        _show(counted, time.monotonic() - began, dry_run)
    sys.exit(int(any(counted[what] for what in WRONG)))


@contextmanager
def _progress(counted: Counter[str]) -> Iterator[tuple[Any, Any]]:
    """How to say a line, and that a record is done: a bar on a terminal, else a line every 500."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = stderr()

    def say(line: str, detail: str = "") -> None:
        console.print(f"{line}: {detail}" if detail else line, soft_wrap=True)

    if not console.is_terminal:

        def tell() -> None:
            if counted.total() % EVERY == 0:
                say(f"{count(counted.total())} records read")

        yield say, tell
        return
    columns = (TextColumn("records"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("records", total=None)  # they are found as they are replayed
        yield say, lambda: bar.advance(task)


def _show(counted: Counter[str], seconds: float, dry_run: bool) -> None:
    shown = table("records", "number>")
    others = sorted(counted.keys() - set(DONE))
    shown.add_row("read", count(counted.total()))
    for what in (*DONE, *others):
        shown.add_row(CONDITIONAL.get(what, what) if dry_run else what, count(counted[what]))
    shown.add_row("seconds", f"{seconds:.1f}")
    stdout().print(shown)


def _line(outcome: "Outcome", dry_run: bool) -> str:
    return CONDITIONAL.get(outcome.what, outcome.what) if dry_run else outcome.what
