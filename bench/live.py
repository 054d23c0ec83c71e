"""`python -m bench.live`: a load on a running system, or on one that is started for it.

Every ten seconds a line: how many jobs were handed in and how long the answers took, how many ended
and how long they took, and what went wrong. Exit code 1 when anything did.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import httpx

from bench.paced import Connection, Handed, Load, Target
from bench.stage import QUICK

WINDOW_SECONDS = 10
LOOK_SECONDS = 1.0
PATIENCE_SECONDS = 120  # for what is open when the load ends

LOCAL = {"model": "emulator/bytes", "input": {"bytes": 100_000}}


@click.command()
@click.option("--rate", envvar="RATE", type=click.FloatRange(0, min_open=True), default=5.0)
@click.option("--seconds", envvar="SECONDS", type=click.IntRange(1), default=60)
@click.option("--url", envvar="FIXATIVE_API_URL", help="A running system; else one is started.")
@click.option("--key", envvar="FIXATIVE_API_KEY", help="A key of that system.")
@click.option("--body", envvar="BODY", help="The job as JSON; needed with --url: it is paid for.")
def load(*, rate: float, seconds: int, url: str | None, key: str | None, body: str | None) -> None:
    """Hand in RATE jobs a second for SECONDS, and follow all to their ends."""
    if url and not (key and body):
        raise click.UsageError("a running system needs --key, and --body: the job to be paid for")
    job = json.loads(body) if body else LOCAL
    if url and key:
        sys.exit(drive(Load(Target(url, key, job), rate), seconds))
    with _started() as (own_url, own_key):
        sys.exit(drive(Load(Target(own_url, own_key, job), rate), seconds))


def drive(asked: Load, seconds: float) -> int:
    """Run it and print its lines; 1 when anything went wrong, else 0."""
    connection = Connection(asked.target)
    seen, told = 0, set[str]()

    def line(at: float) -> None:
        nonlocal seen
        news, seen = asked.handed[seen:], len(asked.handed)
        ended = {job_id: end for job_id, end in asked.ended.items() if job_id not in told}
        told.update(ended)
        click.echo(
            f"{at:5.0f} s  {_of_handed(news)}   {_of_ended(list(ended.values()))}   "
            f"{len(asked.open)} open"
        )

    click.echo("answers in ms, ends in s from acceptance: p50/p99/max")
    began = time.monotonic()
    with asked.running():
        next_line = WINDOW_SECONDS
        while (passed := time.monotonic() - began) < seconds:
            time.sleep(min(LOOK_SECONDS, seconds - passed))
            asked.look(connection)
            if time.monotonic() - began >= next_line:
                line(next_line)
                next_line += WINDOW_SECONDS
    give_up = time.monotonic() + PATIENCE_SECONDS
    while asked.open and time.monotonic() < give_up:
        time.sleep(LOOK_SECONDS)
        asked.look(connection)
    line(time.monotonic() - began)
    connection.close()
    return _verdict(asked)


def _verdict(asked: Load) -> int:
    again = sum(each.again for each in asked.handed)
    failed = [status for status, _ in asked.ended.values() if status != "succeeded"]
    click.echo(
        f"\n{asked.label}: {len(asked.handed)} handed in, {len(asked.problems)} errors, "
        f"{again} sent again on a new connection; {len(asked.ended)} ended, "
        f"{len(failed)} not well, {len(asked.open)} still open"
    )
    for problem in sorted(set(asked.problems)):
        click.echo(f"  {asked.problems.count(problem)} × {problem}")
    return int(bool(asked.problems or failed or asked.open))


def _of_handed(news: Sequence[Handed]) -> str:
    errors = sum(each.problem is not None for each in news)
    answers = [each.seconds for each in news if not each.problem]
    return f"{len(news):5} handed in, {errors} errors, ms {_spread(answers, 1000)}"


def _of_ended(ends: Sequence[tuple[str, float]]) -> str:
    return f"{len(ends):5} ended, s {_spread([seconds for _, seconds in ends], 1)}"


def _spread(figures: Sequence[float], unit: float) -> str:
    """p50/p99/max."""
    if not figures:
        return "–"
    ordered = sorted(figures)
    picked = (ordered[int(share * (len(ordered) - 1))] for share in (0.5, 0.99, 1))
    return "/".join(f"{unit * figure:.3g}" for figure in picked)


@contextmanager
def _started() -> Iterator[tuple[str, str]]:
    """The URL and the key of a system of its own, with the local Replicate."""
    program = Path(sys.executable).with_name("fixative")
    with TemporaryDirectory(prefix="fixative-load-") as home:
        data_dir = Path(home) / "data"
        pace = {"FIXATIVE_CREATES_PER_MINUTE": str(QUICK["creates_per_minute"])}
        process = subprocess.Popen(
            [program, "up", "--port", "0", "--no-flower", "--data-dir", data_dir],
            env={**os.environ, **pace},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        try:
            assert process.stdout
            if not process.stdout.readline().startswith("ready "):
                raise click.ClickException("the system did not start: try `fixative up`")
            run = json.loads((data_dir / "run.json").read_text())
            config = f"{run['replicate_url']}/_emulator/config"
            httpx.post(config, json=QUICK, trust_env=False).raise_for_status()
            yield run["api_url"], run["admin_key"]
        finally:
            process.terminate()
            process.wait(30)


if __name__ == "__main__":
    load()
