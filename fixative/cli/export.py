"""`fixative export` and `fixative digest`: what a rebuild is to bring back, whole and in a line."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click

from fixative.cli.offline import offline_settings
from fixative.cli.run_file import data_dir_option
from fixative.cli.screen import print_json

if TYPE_CHECKING:
    from fixative.postgres.engine import Database


@click.command()
@click.option("--output", type=click.File("w", lazy=True), default="-", help="A file, not stdout.")
@data_dir_option
def export(*, output: IO[str], data_dir: Path) -> None:
    """Every job as a line of JSON: the same whenever the content is, whatever made it."""
    from fixative.recovery.export import export as run

    with _database(data_dir) as database:
        for line in run(database):
            output.write(f"{line}\n")


@click.command()
@data_dir_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def digest(*, data_dir: Path, as_json: bool) -> None:
    """The export in one line, to compare before and after: `fixative-digest v1 JOBS SHA256`."""
    from fixative.recovery.digest import digest_of
    from fixative.recovery.export import export as lines

    with _database(data_dir) as database:
        found = digest_of(lines(database))
    if as_json:
        print_json(vars(found))
    else:
        click.echo(str(found))


@contextmanager
def _database(data_dir: Path) -> Iterator["Database"]:
    from fixative.postgres.engine import Database

    database = Database.of(offline_settings(data_dir), connections=1)
    try:
        yield database
    finally:
        database.close()
