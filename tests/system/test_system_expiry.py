"""Replicate deletes what it made while nobody works: what can be had is had, soonest first."""

import re
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from statistics import correlation

import httpx
import pytest

from tests.processes import standing_still

pytestmark = pytest.mark.soak
WORKERS = ("worker-io", "worker-store", "worker-derive")
JOBS = 200
RUN_SECONDS = 25  # so long predictions run: all are made before the first has ended


@contextmanager
def nobody_works(system) -> Iterator[None]:
    with ExitStack() as stack:
        for role in WORKERS:
            stack.enter_context(standing_still(system.pids[role]))
        yield


def creates(system):
    stats = httpx.get(f"{system.run['replicate_url']}/_emulator/stats").json()
    return stats["creates"]["total"]


@pytest.fixture
def forgetful(start):
    """A system whose Replicate keeps what it made for a minute only."""
    system = start(FIXATIVE_CREATES_PER_MINUTE="60000")
    system.configure(
        retention_seconds=60,
        latency={"*": {"start": 0.01, "run": RUN_SECONDS}},
        creates_per_minute=60000,
    )
    return system


def test_what_is_still_there_after_45_seconds_is_saved_soonest_to_expire_first(
    forgetful, eventually
):
    ids = [forgetful.submit() for _ in range(JOBS)]
    eventually(lambda: creates(forgetful) == JOBS)

    with nobody_works(forgetful):
        time.sleep(45)
    jobs = forgetful.all_ended(ids)

    assert {job["status"] for job in jobs} == {"succeeded"}
    for job in jobs[:: JOBS // 10]:
        forgetful.assert_stored(job)
    ends = [datetime.fromisoformat(job["prediction"]["expires_at"]).timestamp() for job in jobs]
    stored = [datetime.fromisoformat(job["completed_at"]).timestamp() for job in jobs]
    order = correlation(ranks(ends), ranks(stored))
    print(f"{JOBS} saved; expiry and storing agree in their order by {order:.2f}")
    assert order > 0.7


def test_what_is_gone_after_90_seconds_is_said_to_be_and_what_was_saved_is_kept(
    forgetful, eventually
):
    forgetful.configure(seconds={"output_slow": 4}, faults={"output_slow": 1})
    forgetful.configure(latency={"emulator/bytes": {"start": 0, "run": 0}})
    half = forgetful.submit("emulator/bytes", bytes=1000, count=20)
    eventually(lambda: forgetful.job(half)["media"])
    ids = [forgetful.submit() for _ in range(JOBS)]
    eventually(lambda: creates(forgetful) == JOBS + 1)

    with nobody_works(forgetful):
        forgetful.configure(faults={"output_slow": 0})
        time.sleep(90)
    *jobs, kept = forgetful.all_ended([*ids, half], patience=150)

    assert {(job["status"], job["error"]["code"]) for job in jobs} == {("failed", "output_expired")}
    assert {tuple(job["output"]) for job in jobs} == {(None,)}
    assert (kept["status"], kept["error"]["code"]) == ("failed", "output_expired")
    saved = [media["name"] for media in kept["media"]]
    assert 0 < len(saved) < 20
    assert kept["error"]["details"] == {"saved": saved}
    assert sum(place is not None for place in kept["output"]) == len(saved)
    assert httpx.get(next(url for url in kept["output"] if url)).status_code == 200
    assert counted(forgetful, "output_lost") == JOBS + 1


def ranks(figures):
    """The place of each among them all, from the smallest on."""
    places = {figure: place for place, figure in enumerate(sorted(figures))}
    return [places[figure] for figure in figures]


def counted(system, alarm):
    metrics = system.api.get("/metrics").raise_for_status().text
    found = re.findall(rf'^fixative_alarms_total{{alarm="{alarm}"}} (\S+)$', metrics, re.MULTILINE)
    return sum(map(float, found))
