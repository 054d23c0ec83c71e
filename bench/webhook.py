"""Webhooks taken in: how many, at what cost, and whether storing keeps them waiting."""

import json
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

import psycopg
import redis
from standardwebhooks import Webhook

from bench.asking import Ask, answered, steadily
from bench.by_hand import PIPELINES
from bench.harness import Comparison, Measure, Sample, compare
from bench.saturated import ROLE, measures, saturated
from bench.stage import Stage, open_stage
from bench.systems import Contestant, fixative
from fixative.local.program import Program

KIND = "webhook"
JSON = {"Content-Type": "application/json"}
TRICKLE, TRICKLE_PER_SECOND = 300, 30
STORED_JOBS, STORED_BYTES = 40, 25_000_000  # more than a trickle's time of work for eight threads
PATIENCE_SECONDS, LOOK_SECONDS = 120, 0.1
STORING = "SELECT count(*) FROM jobs WHERE status = 'storing'"
MEASURES = (
    *measures(KIND),
    Measure("trickle p50", "ms", "lower"),
    Measure("trickle p99", "ms", "lower"),
)


def run(requests: int, rounds: int) -> Comparison:
    """Signed webhooks answered, beside peers' routes and while files are stored: 1/s, ms, CPU."""
    with open_stage() as stage:
        ours = fixative(stage)
        secret = stage.webhook_secret()
        turns = {
            "fixative": partial(_turn, stage, ours, secret, requests),
            "while storing": partial(_while_storing, stage, ours, secret, requests),
        } | {
            name: partial(_turn, stage, PIPELINES[name](stage), secret, requests)
            for name in ("bare", "careful")
        }
        sizes = {"requests": requests, "rounds": rounds, "stored_bytes": STORED_BYTES}
        return compare(turns, MEASURES, rounds=rounds, settings=sizes)


def _turn(stage: Stage, contestant: Contestant, secret: str, requests: int) -> Sample:
    """Nobody reads what is taken in: what is measured is the API alone."""
    with stage.running(_of(contestant, ROLE)) as pids:
        asks = partial(_asks, contestant, secret, _job(contestant))
        sample = saturated(stage, pids, contestant.port, KIND, asks=asks, requests=requests)
        sample |= _trickle(contestant.port, asks(min(TRICKLE, requests)))
    _forget(stage, contestant)
    return sample


def _while_storing(stage: Stage, contestant: Contestant, secret: str, requests: int) -> Sample:
    """The same trickle, while worker-store's threads have all that they can do."""
    large = replace(contestant, body={**contestant.body, "input": {"bytes": STORED_BYTES}})
    with stage.running(_of(contestant, ROLE, "worker-io", "beat")):
        for _ in range(STORED_JOBS):
            _job(large)
        _until(contestant, lambda storing: storing >= STORED_JOBS)
    with stage.running(_of(contestant, ROLE, "worker-store")):
        asks = _asks(contestant, secret, "", min(TRICKLE, requests))
        sample = _trickle(contestant.port, asks)
        if not _storing(contestant):
            raise RuntimeError("everything was stored before the last webhook was answered")
        _until(contestant, lambda storing: storing == 0)
    _forget(stage, contestant)
    return sample


def _of(contestant: Contestant, *roles: str) -> list[Program]:
    return [program for program in contestant.programs() if program.role in roles]


def _trickle(port: int, asks: Sequence[Ask]) -> Sample:
    answers = steadily(port, asks, TRICKLE_PER_SECOND)
    return {f"trickle p{n}": answers.percentile(n) for n in (50, 99)}


def _asks(contestant: Contestant, secret: str, job_id: str, number: int) -> list[Ask]:
    """So many webhooks, each about another prediction, signed at this moment."""
    path = "/webhook/replicate" if contestant.name == "fixative" else f"/webhook?job={job_id}"
    return [Ask("POST", path, 200, *_signed(secret)) for _ in range(number)]


def _signed(secret: str) -> tuple[str, dict[str, str]]:
    unique, now = uuid.uuid4().hex, datetime.now(UTC)
    name = f"msg_{unique}"
    body = json.dumps({"id": unique, "status": "succeeded", "created_at": now.isoformat()})
    return body, {
        **JSON,
        "webhook-id": name,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret).sign(name, now, body),
    }


def _job(contestant: Contestant) -> str:
    headers = {**JSON, **contestant.headers}
    ask = Ask("POST", "/jobs", 202, json.dumps(contestant.body), headers)
    return str(json.loads(answered(contestant.port, ask)[0])["id"])


def _until(contestant: Contestant, enough: Callable[[int], bool]) -> None:
    """Wait for a number of jobs that are being stored."""
    give_up = time.monotonic() + PATIENCE_SECONDS
    while not enough(storing := _storing(contestant)):
        if time.monotonic() > give_up:
            raise RuntimeError(f"{storing} jobs are being stored")
        time.sleep(LOOK_SECONDS)


def _storing(contestant: Contestant) -> int:
    with psycopg.connect(contestant.database_url) as connection:
        [storing] = connection.execute(STORING).fetchone() or [0]
    return int(storing)


def _forget(stage: Stage, contestant: Contestant) -> None:
    """What was told of predictions that do not exist must not keep the next turn busy."""
    with psycopg.connect(contestant.database_url) as connection:
        if contestant.name != "bare":
            connection.execute("DELETE FROM deliveries")
    with redis.Redis.from_url(stage.system.environ["REDIS_URL"]) as client:
        client.flushall()
