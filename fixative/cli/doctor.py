"""`fixative doctor`: what the system depends on, one line each; and a job that proves it."""

import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fixative.cli.model_input import parse_input
from fixative.cli.offline import offline_settings
from fixative.cli.run_file import data_dir_option
from fixative.cli.screen import stdout

if TYPE_CHECKING:
    from fixative.cli.checks import Finding

MARKS = {True: ("✓", "green"), False: ("✗", "red"), None: ("–", "yellow")}


@click.command()
@click.option("--bucket", is_flag=True, help="Also compare every object with every row.")
@click.option("--fix", is_flag=True, help="Give the bucket the rules that it lacks.")
@click.option("--versioning", is_flag=True, help="With a rule that keeps what is overwritten.")
@click.option(
    "--tiering", metavar="DAYS", type=click.IntRange(1), help="And one that makes old files cheap."
)
@click.option("--smoke", is_flag=True, help="Then one job through the API: from end to end.")
@click.option("--model", help="Its model: needed with a real account, which pays for it.")
@click.option("--input", "whole", metavar="INPUT", help="Its input as JSON, if no prompt alone.")
@click.option(
    "--patience", metavar="SECONDS", type=click.IntRange(1), default=300, show_default=True
)
@data_dir_option
def doctor(
    *,
    bucket: bool,
    fix: bool,
    versioning: bool,
    tiering: int | None,
    smoke: bool,
    model: str | None,
    whole: str | None,
    patience: int,
    data_dir: Path,
) -> None:
    """Check each dependency; exit code 1 when something is wrong.

    With --smoke, a job is submitted if nothing is, waited for, and read back: for a deploy to go
    on with or to be rolled back.
    """
    from fixative.cli.checks import findings
    from fixative.cli.checks_bucket import check_audit, check_rules
    from fixative.cli.checks_smoke import LOCAL_MODEL, Smoke, check_smoke, is_local
    from fixative.cli.checks_ways import check_ways

    settings = offline_settings(data_dir)
    rules = partial(check_rules, fix=fix, versioning=versioning, tiering_days=tiering)
    checks = [findings(settings), check_ways(settings), rules(settings)]
    if bucket:
        checks.append(check_audit(settings))
    if smoke and not model and not is_local(settings):
        raise click.UsageError("--smoke needs --model: a cheap one, since this account pays for it")
    wrong = sum(_shown(check) for check in checks)
    if smoke and not wrong:
        input_ = {"input": parse_input(whole, ())} if whole else {}
        job = Smoke(model or LOCAL_MODEL, patience=patience, **input_)
        wrong += _shown(check_smoke(settings, job, data_dir))
    elif smoke:
        stdout().print("– Smoke       not tried: what is wrong comes first", style="yellow")
    sys.exit(int(wrong > 0))


def _shown(found: "Iterator[Finding]") -> int:
    """Print each as it is found; how many are wrong."""
    out, wrong = stdout(), 0
    for finding in found:
        mark, style = MARKS[finding.ok]
        out.print(f"{mark} {finding.name:<11}", style=style, end="")
        out.print(finding.detail)
        wrong += finding.ok is False
    return wrong
