"""`fixative doctor`: what the system depends on, one line each."""

import sys
from pathlib import Path

import click

from fixative.cli.offline import offline_settings
from fixative.cli.run_file import data_dir_option
from fixative.cli.screen import stdout

MARKS = {True: ("✓", "green"), False: ("✗", "red"), None: ("–", "yellow")}


@click.command()
@data_dir_option
def doctor(data_dir: Path) -> None:
    """Check each dependency; exit code 1 when something is wrong."""
    from fixative.cli.checks import findings

    settings = offline_settings(data_dir)
    out, wrong = stdout(), False
    for finding in findings(settings):
        mark, style = MARKS[finding.ok]
        out.print(f"{mark} {finding.name:<11}", style=style, end="")
        out.print(finding.detail)
        wrong = wrong or finding.ok is False
    sys.exit(int(wrong))
