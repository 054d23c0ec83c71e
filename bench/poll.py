"""Many predictions that have ended while no webhook told of it: what it takes to know all."""

import json
import os
import uuid
from collections.abc import Callable
from contextlib import redirect_stderr
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import psycopg

from bench.harness import Comparison, Measure, Sample, compare
from bench.measured import measured
from bench.peers.single_gets import TABLE, ask_each
from bench.stage import Stage, open_stage
from fixative.access.owners import ensure_owner
from fixative.postgres.migrate import upgrade
from fixative.postgres.tables import Attempt, Job
from fixative.recovery.poll import poll_predictions
from fixative.settings import load_settings
from fixative.telemetry.logging import configure_logging_of
from worker.services import Services

MODEL = "emulator/bytes"
INPUT = {"bytes": 1000}
SPAN_SECONDS = 1800
READS = "GET /v1/predictions"
OPEN = """SELECT count(*) FROM attempts WHERE prediction_status IN ('starting', 'processing')"""
MEASURES = (
    Measure("requests", "", "lower"),
    Measure("seconds", "s", "lower"),
    Measure("CPU per prediction", "µs", "lower"),
)


def run(flying: int, rounds: int) -> Comparison:
    """In flight until known, beside a GET for each: requests to Replicate, seconds, CPU."""
    with open_stage() as stage:
        history = f"{stage.system.url('emulator')}/_emulator/history"
        wanted = {"count": flying, "span_seconds": SPAN_SECONDS, "model": MODEL, "input": INPUT}
        httpx.post(history, json=wanted, timeout=600, trust_env=False).raise_for_status()
        names = (f"poll_{number}" for number in count())
        turns: dict[str, Callable[[], Sample]] = {
            "fixative": lambda: _fixative(stage, stage.new_database(next(names))),
            "a GET each": lambda: _singly(stage, stage.new_database(next(names))),
        }
        sizes = {"flying": flying, "rounds": rounds}
        return compare(turns, MEASURES, rounds=rounds, settings=sizes)


def _fixative(stage: Stage, url: str) -> Sample:
    settings = load_settings({**stage.system.environ, "DATABASE_URL": url})
    upgrade(settings.sqlalchemy_url)
    configure_logging_of(settings)
    predictions = _predictions(stage)
    services = Services(settings, connections=4)

    def until_known() -> None:
        """What is logged is written as a worker writes it, to nowhere."""
        with Path(os.devnull).open("w") as nowhere, redirect_stderr(nowhere):
            while _open(url):
                poll_predictions(services.database, services.replicate)

    try:
        _in_flight(services, predictions)
        return _measured(stage, until_known, len(predictions))
    finally:
        services.close()


def _singly(stage: Stage, url: str) -> Sample:
    predictions = _predictions(stage)
    with _replicate(stage) as replicate, psycopg.connect(url, autocommit=True) as database:
        database.execute(TABLE)
        for raw in predictions:
            database.execute("INSERT INTO flying (id) VALUES (%s)", [raw["id"]])
        return _measured(stage, lambda: ask_each(replicate, database), len(predictions))


def _predictions(stage: Stage) -> list[Any]:
    """What the local Replicate has, each as its list shows it."""
    found, url = [], "/v1/predictions"
    with _replicate(stage) as replicate:
        while url:
            page = replicate.get(url).raise_for_status().json()
            found += page["results"]
            url = page["next"]
    return found


def _replicate(stage: Stage) -> httpx.Client:
    token = {"Authorization": f"Bearer {stage.system.environ['REPLICATE_API_TOKEN']}"}
    origin = stage.system.url("emulator")
    return httpx.Client(base_url=origin, headers=token, timeout=60, trust_env=False)


def _in_flight(services: Services, predictions: list[Any]) -> None:
    """A job and its attempt for each, as they are while Replicate works on it."""
    with services.database.begin() as session:
        owner = ensure_owner(session, "bench").id
        for raw in predictions:
            job_id, attempt_id = uuid.uuid4(), uuid.uuid4()
            created = datetime.fromisoformat(raw["created_at"])
            job = Job(id=job_id, owner_id=owner, status="processing", job_type="other")
            job.model, job.input, job.attempt_id = MODEL, raw["input"], attempt_id
            job.created_at = created
            attempt = Attempt(id=attempt_id, job_id=job_id, number=1, outcome="created")
            attempt.prediction_id, attempt.prediction_status = raw["id"], "processing"
            attempt.created_at = created
            attempt.prediction = {**raw, "status": "processing", "output": None}
            session.add(job)
            session.flush()
            session.add(attempt)


def _open(url: str) -> int:
    with psycopg.connect(url) as connection:
        [open_] = connection.execute(OPEN).fetchone() or [0]
    return int(open_)


def _measured(stage: Stage, work: Callable[[], None], predictions: int) -> Sample:
    before = _reads(stage)
    taken = measured(work)
    return {
        "requests": _reads(stage) - before,
        "seconds": taken.seconds,
        "CPU per prediction": 1e6 * taken.cpu / predictions,
    }


def _reads(stage: Stage) -> int:
    """How often the local Replicate was asked for predictions, however it answered."""
    answer = httpx.get(f"{stage.system.url('emulator')}/_emulator/stats", trust_env=False)
    counts: dict[str, int] = json.loads(answer.raise_for_status().text)["requests"]
    return sum(number for asked, number in counts.items() if asked.startswith(READS))
