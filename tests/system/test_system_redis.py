"""Redis wiped, refusing and hanging: a matter of seconds, never of jobs."""

import time

import pytest
from redis import Redis

SECONDS = 5
WORDS = "emulator/echo"  # nothing is derived of them


def test_flushall_in_the_middle_of_many_jobs_loses_none(system):
    jobs = []
    for number in range(80):
        jobs.append(system.submit(WORDS))
        if number == 50:
            Redis.from_url(system.run["redis_url"]).flushall()

    assert {job["status"] for job in system.all_ended(jobs, patience=120)} == {"succeeded"}
    assert system.creates_of(jobs) == {1}


@pytest.mark.parametrize("away", ["refusing", "hanging"])
def test_while_valkey_is_away_submits_and_webhooks_are_taken_and_all_drains_after(system, away):
    running_slowly = {"*": {"start": 0.05, "run": 2}}
    system.configure(latency=running_slowly)
    jobs = [system.submit_quickly() for _ in range(5)]
    with getattr(system, away)("valkey"):
        until = time.monotonic() + SECONDS
        while time.monotonic() < until:
            jobs.append(system.submit_quickly())
            time.sleep(0.5)
        assert system.api.get("/readyz").status_code == 503

    ended = system.all_ended(jobs, patience=120)
    assert {job["status"] for job in ended} == {"succeeded"}
    assert system.creates_of(jobs) == {1}
