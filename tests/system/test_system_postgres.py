"""Postgres refusing and hanging: whoever asks is told so in time, and all drains afterwards."""

import json
import time
from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook

from tests.processes import standing_still
from tests.system.conftest import SLOW

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # the local Replicate's


def ask(system):
    """Submit a job and deliver a webhook; the statuses, each answered in time."""
    body = {"model": "black-forest-labs/flux-schnell", "input": {"prompt": "a cat"}}
    yield _timed(lambda: system.api.post("/jobs", json=body))
    raw = json.dumps({"id": "p1", "status": "starting", "created_at": "2026-01-01T00:00:00Z"})
    yield _timed(lambda: system.api.post("/webhook/replicate", content=raw, headers=_signed(raw)))


@pytest.mark.parametrize(
    "seconds",
    [
        pytest.param(6, id="seconds"),
        pytest.param(60, id="a-minute", marks=[pytest.mark.soak, pytest.mark.timeout(600)]),
    ],
)
@pytest.mark.parametrize("away", ["refusing", "hanging"])
def test_without_postgres_all_are_told_so_in_time_and_nothing_is_lost(system, away, seconds):
    system.configure(latency={"*": {"start": 0.5, "run": 3}})
    jobs = [system.submit() for _ in range(10)]
    hanging = standing_still(system.pids["postgres"])
    with hanging if away == "hanging" else system.refusing("postgres"):
        while 202 in ask(system):
            pass  # its backends are still ending
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            assert list(ask(system)) == [503, 503]
            time.sleep(0.5)

    ended = system.all_ended(jobs, patience=150)
    assert {job["status"] for job in ended} == {"succeeded"}
    assert system.creates_of(jobs) == {1}


def _timed(call):
    began = time.monotonic()
    answer = call()
    assert time.monotonic() - began < SLOW
    return answer.status_code


def _signed(raw):
    now = int(time.time())
    signature = Webhook(SECRET).sign("msg_1", datetime.fromtimestamp(now, UTC), raw)
    return {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(now),
        "webhook-signature": signature,
        "content-type": "application/json",
    }
