"""`fixative rebuild`: the database from nothing."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from fixative.cli.bar import Bar
from fixative.cli.offline import offline_settings
from fixative.cli.run_file import data_dir_option
from fixative.cli.screen import count, print_json, stdout, table
from fixative.settings import Settings

if TYPE_CHECKING:
    from fixative.recovery.rebuild_report import Report

SOURCES = ("bucket", "records", "replicate")
MOST_SHOWN = 20


def _sources(_context: click.Context, _option: click.Parameter, value: str) -> list[str]:
    chosen = [name.strip() for name in value.split(",")]
    if unknown := set(chosen) - set(SOURCES):
        raise click.BadParameter(f"{', '.join(sorted(unknown))}: there are {', '.join(SOURCES)}")
    return chosen


@click.command()
@click.option(
    "--from",
    "sources",
    metavar="SOURCES",
    default=",".join(SOURCES),
    show_default=True,
    callback=_sources,
    help="What to bring jobs back from, with commas between.",
)
@data_dir_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def rebuild(*, sources: list[str], data_dir: Path, as_json: bool) -> None:
    """Bring the database back from the bucket, from records and from Replicate's history.

    Owners, keys and deletions are always read from the bucket. What is there already stays; killed,
    it is simply run again. Needs the servers, and no workers: `fixative up --services` runs those
    of this machine. Then run `fixative recover`. Exit code 0 also where something is beyond
    recovery: the report says what, and why.
    """
    from fixative.recovery.rebuild_report import Report
    from fixative.telemetry.logging import configure_logging_of

    settings = offline_settings(data_dir)
    configure_logging_of(settings)
    with Bar("rebuilding") as bar:
        report = Report(say=bar.stand if bar.shown else bar.say)
        _run(settings, sources, report)
        bar.fill()
    if as_json:
        print_json(report.as_json())
    else:
        _show(report)
    click.echo("Now run `fixative recover`: nothing is submitted before.", err=True)


def _run(settings: Settings, sources: list[str], report: "Report") -> None:
    from fixative.media.audit import LONGEST_SECONDS
    from fixative.postgres.engine import Database
    from fixative.postgres.migrate import upgrade
    from fixative.recovery.history import History
    from fixative.recovery.rebuild import Rebuilder
    from fixative.recovery.rebuild_many import AT_ONCE
    from worker.services import Services

    upgrade(settings.sqlalchemy_url)
    services = Services(settings, connections=AT_ONCE + 1)
    alone = Database.of(settings, connections=1, patience=LONGEST_SECONDS, recycle=LONGEST_SECONDS)
    try:
        Rebuilder(
            database=services.database,
            alone=alone,
            bucket=services.bucket,
            keys=services.keys,
            epoch=services.epoch,
            settings=settings,
            history=History(
                database=services.database,
                replicate=services.replicate,
                stopping=services.stopping,
                imports="all",
                send=lambda _: None,  # there is nobody to be hinted: the sweep does, later
                of_a_rebuild=True,
            ),
        ).rebuild(sources, report)
    finally:
        alone.close()
        services.close()


def _show(report: "Report") -> None:
    out = stdout()
    rows = table("from", "brought back>", "there already>")
    for what in dict.fromkeys((*report.brought_back, *report.there_already)):
        rows.add_row(what, count(report.brought_back[what]), count(report.there_already[what]))
    out.print(rows)
    out.print(f"{count(report.unfinished)} jobs have not ended: `fixative recover` settles them.")
    for source, why in report.not_asked.items():
        out.print(f"{source} was not asked: {why}")
    if not report.problems:
        out.print("Nothing is missing.")
        return
    for kind, number in report.counts().items():
        out.print(f"\n{kind}: {count(number)}", style="yellow")
        of_kind = [problem for problem in report.problems if problem.kind == kind]
        rows = table("name", "why")
        for problem in of_kind[:MOST_SHOWN]:
            rows.add_row(problem.name, problem.why)
        out.print(rows)
        if number > MOST_SHOWN:
            out.print(f"… and {count(number - MOST_SHOWN)} more: --json names them all")
