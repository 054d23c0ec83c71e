"""`fixative replay`: records back into the database."""

import sys
import time
from collections import Counter
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fixative.cli.bar import Bar
from fixative.cli.offline import offline_settings
from fixative.cli.run_file import data_dir_option
from fixative.cli.screen import count, stdout, table

if TYPE_CHECKING:
    from fixative.recovery.replay import Outcome
    from fixative.recovery.replay_find import Entry

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
    from fixative.telemetry.logging import configure_logging_of
    from worker.services import Services

    if (file is not None) + (directory is not None) + use_default_output_dir != 1:
        raise click.UsageError("name one of --file, --directory and --use-default-output-dir")
    settings = offline_settings(data_dir)
    configure_logging_of(settings)
    services = Services(settings, connections=1)
    chosen = Chosen(pattern, since, until)
    counted, began = Counter[str](), time.monotonic()
    try:
        with Bar("replaying") as bar:
            found = services.replayer.find(file or directory or settings.output_dir, chosen)
            outcomes = services.replayer.replay_all(found, chosen, dry_run=dry_run)
            for entry, outcome in outcomes:
                if verbose or outcome.what in TOLD:
                    _say(bar, entry, outcome, dry_run)
                counted[outcome.what] += 1
                read = count(counted.total())
                bar.stand(f"{read} records read")
                if not bar.shown and counted.total() % EVERY == 0:
                    bar.say(f"{read} records read")
            bar.fill()
    finally:
        services.close()
        _show(counted, time.monotonic() - began, dry_run)
    sys.exit(int(any(counted[what] for what in WRONG)))


def _say(bar: Bar, entry: "Entry", outcome: "Outcome", dry_run: bool) -> None:
    line = f"{_word(outcome.what, dry_run)}: {entry.name}"
    bar.say(f"{line}: {outcome.detail}" if outcome.detail else line)


def _show(counted: Counter[str], seconds: float, dry_run: bool) -> None:
    shown = table("records", "number>")
    others = sorted(counted.keys() - set(DONE))
    shown.add_row("read", count(counted.total()))
    for what in (*DONE, *others):
        shown.add_row(_word(what, dry_run), count(counted[what]))
    shown.add_row("seconds", f"{seconds:.1f}")
    stdout().print(shown)


def _word(what: str, dry_run: bool) -> str:
    return CONDITIONAL.get(what, what) if dry_run else what
