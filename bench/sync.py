"""Replicate's history, walked into an empty database."""

import json
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from itertools import count

import httpx
import psycopg

from bench.harness import Comparison, Measure, Sample, compare
from bench.processes import cpu_seconds, peak_megabytes
from bench.stage import Stage, open_stage
from bench.systems import ROOT
from fixative.local.roles import programs_of
from fixative.names import SYNC_HISTORY
from fixative.postgres.migrate import upgrade
from fixative.settings import load_settings

SPAN_SECONDS = 30 * 86_400
PACE = 3000 / 60 * 100  # Replicate lets 3,000 pages of 100 be read in a minute
ROLE = "worker-store"
RUN = "SELECT status, error, extract(epoch FROM finished_at - started_at) FROM sync_runs"
MEASURES = (
    Measure("predictions per second", "1/s", "higher"),
    Measure("CPU per prediction", "µs", "lower"),
    Measure("CPU per prediction, Postgres", "µs", "lower"),
    Measure("peak memory", "MB", "lower"),
)


def run(predictions: int, rounds: int) -> Comparison:
    """History into an empty database, beside a bare script and Replicate's pace: predictions/s."""
    with open_stage() as stage:
        history = f"{stage.system.url('emulator')}/_emulator/history"
        wanted = {"count": predictions, "span_seconds": SPAN_SECONDS}
        httpx.post(history, json=wanted, timeout=600, trust_env=False).raise_for_status()
        names = (f"history_{number}" for number in count())

        def afresh() -> dict[str, str]:
            return {**stage.system.environ, "DATABASE_URL": stage.new_database(next(names))}

        turns = {
            "fixative": lambda: _fixative(stage, afresh(), predictions),
            "bare script": lambda: _bare(stage, afresh(), predictions),
            "Replicate's pace": partial(Sample, {MEASURES[0].name: PACE}),
        }
        sizes = {"predictions": predictions, "rounds": rounds}
        return compare(turns, MEASURES, rounds=rounds, settings=sizes)


def _fixative(stage: Stage, environ: Mapping[str, str], predictions: int) -> Sample:
    """A bootstrap, asked for by hand of a worker that runs."""
    upgrade(load_settings(environ).sqlalchemy_url)
    programs = programs_of(replace(stage.system, environ=dict(environ)))
    with stage.running(program for program in programs if program.role == ROLE) as pids:
        before, servers = cpu_seconds(pids), cpu_seconds(stage.servers.pids)
        _call(environ)
        seconds = _ended(environ["DATABASE_URL"])
        used, postgres = cpu_seconds(pids)[ROLE] - before[ROLE], _postgres(stage, servers)
        peak = peak_megabytes(pids)[ROLE]
    _check(environ["DATABASE_URL"], "jobs", predictions)
    return _sample(predictions, seconds, used, postgres, peak)


def _bare(stage: Stage, environ: Mapping[str, str], predictions: int) -> Sample:
    servers = cpu_seconds(stage.servers.pids)
    command = [sys.executable, "-m", "bench.peers.pages"]
    told = subprocess.run(command, cwd=ROOT, env=dict(environ), check=True, stdout=subprocess.PIPE)
    script, postgres = json.loads(told.stdout), _postgres(stage, servers)
    _check(environ["DATABASE_URL"], "predictions", predictions)
    return _sample(predictions, script["seconds"], script["cpu"], postgres, script["peak"])


def _call(environ: Mapping[str, str]) -> None:
    command = [sys.executable, "-m", "celery", "-A", "worker.app", "call", SYNC_HISTORY]
    command += ["--kwargs", json.dumps({"bootstrap": True})]
    subprocess.run(command, cwd=ROOT, env=dict(environ), check=True, stdout=subprocess.DEVNULL)


def _ended(database_url: str) -> float:
    """How long the run took, once it has ended."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        while True:
            status, error, seconds = connection.execute(RUN).fetchone() or ("running", None, None)
            if status == "complete":
                return float(seconds)
            if status != "running":
                raise RuntimeError(f"the sync ended as {status}: {error}")
            time.sleep(0.2)


def _check(database_url: str, table: str, predictions: int) -> None:
    with psycopg.connect(database_url) as connection:
        [found] = connection.execute(f"SELECT count(*) FROM {table}").fetchone() or [0]
    if found != predictions:
        raise RuntimeError(f"{found} of {predictions} predictions are in {table}")


def _postgres(stage: Stage, before: Mapping[str, float]) -> float:
    return cpu_seconds(stage.servers.pids)["postgres"] - before["postgres"]


def _sample(predictions: int, seconds: float, cpu: float, postgres: float, peak: float) -> Sample:
    figures = (predictions / seconds, 1e6 * cpu / predictions, 1e6 * postgres / predictions, peak)
    return {measure.name: figure for measure, figure in zip(MEASURES, figures, strict=True)}
