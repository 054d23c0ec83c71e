"""`fixative migrate`: the database brought to what this code expects."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fixative.cli.offline import offline_settings
from fixative.cli.run_file import data_dir_option

if TYPE_CHECKING:
    from fixative.postgres.migrate import Standing


@click.command()
@click.option("--check", is_flag=True, help="Change nothing; exit code 1 when one is pending.")
@data_dir_option
def migrate(*, check: bool, data_dir: Path) -> None:
    """Run the migrations that are pending. Safe twice, and beside a running system.

    A database that a later version has migrated is left as it is: this version runs on it.
    """
    from fixative.postgres.migrate import standing, upgrade

    url = offline_settings(data_dir).sqlalchemy_url
    found = standing(url)
    if check:
        click.echo(_in_words(found))
        sys.exit(int(found.behind > 0))
    upgrade(url)
    click.echo("migrated" if found.behind else _in_words(found))


def _in_words(found: "Standing") -> str:
    if found.ahead:
        return f"ahead: at {found.database}, this version knows up to {found.code} and runs on it"
    if found.behind:
        at = f"at {found.database}" if found.database else "empty"
        return f"behind: {at}, {found.behind} pending up to {found.code}"
    return f"up to date: at {found.database}"
