"""`fixative migrate`: the database brought to what this code expects."""

import sys
from pathlib import Path

import click

from fixative.cli.offline import offline_settings
from fixative.cli.run_file import data_dir_option


@click.command()
@click.option("--check", is_flag=True, help="Change nothing; exit code 1 when one is pending.")
@data_dir_option
def migrate(*, check: bool, data_dir: Path) -> None:
    """Run the migrations that are pending. Safe twice, and beside a running system."""
    from fixative.postgres.migrate import pending, upgrade

    url = offline_settings(data_dir).sqlalchemy_url
    waiting = pending(url)
    if check:
        click.echo("a migration is pending" if waiting else "up to date")
        sys.exit(int(waiting))
    upgrade(url)
    click.echo("migrated" if waiting else "up to date")
