"""`fixative doctor`: what the system depends on, one line each."""

import sys
from functools import partial
from itertools import chain
from pathlib import Path

import click

from fixative.cli.offline import offline_settings
from fixative.cli.run_file import data_dir_option
from fixative.cli.screen import stdout

MARKS = {True: ("✓", "green"), False: ("✗", "red"), None: ("–", "yellow")}


@click.command()
@click.option("--bucket", is_flag=True, help="Also compare every object with every row.")
@click.option("--fix", is_flag=True, help="Give the bucket the rules that it lacks.")
@click.option("--versioning", is_flag=True, help="With a rule that keeps what is overwritten.")
@click.option(
    "--tiering", metavar="DAYS", type=click.IntRange(1), help="And one that makes old files cheap."
)
@data_dir_option
def doctor(
    *, bucket: bool, fix: bool, versioning: bool, tiering: int | None, data_dir: Path
) -> None:
    """Check each dependency; exit code 1 when something is wrong."""
    from fixative.cli.checks import findings
    from fixative.cli.checks_bucket import check_audit, check_rules
    from fixative.cli.checks_ways import check_ways

    settings = offline_settings(data_dir)
    rules = partial(check_rules, fix=fix, versioning=versioning, tiering_days=tiering)
    checks = (findings, check_ways, rules, *((check_audit,) if bucket else ()))
    out, wrong = stdout(), False
    for finding in chain.from_iterable(check(settings) for check in checks):
        mark, style = MARKS[finding.ok]
        out.print(f"{mark} {finding.name:<11}", style=style, end="")
        out.print(finding.detail)
        wrong = wrong or finding.ok is False
    sys.exit(int(wrong))
