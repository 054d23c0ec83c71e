"""What takes minutes by its nature: a create that may have happened, and a minute without Redis."""

import signal
import time

import pytest
from redis import Redis

pytestmark = pytest.mark.soak


@pytest.mark.parametrize("fault", ["create_then_hang", "hang"])
def test_a_job_whose_worker_died_in_its_post_goes_on_and_is_created_once(system, eventually, fault):
    system.configure(faults={fault: 1}, seconds={"hang": 60})
    job_id = system.submit()
    eventually(lambda: any(item["kind"] == "attempt" for item in system.timeline(job_id)))
    system.kill("worker-io", signal.SIGKILL)
    system.configure(faults={fault: 0})

    job = system.ended(job_id, patience=300)

    assert job["status"] == "succeeded"
    assert system.creates_of([job_id]) == {1}


def test_valkey_wiped_every_five_seconds_costs_no_job(system):
    jobs, wiped = [], time.monotonic()
    while len(jobs) < 500:
        jobs.append(system.submit_quickly())
        if time.monotonic() - wiped > 5:
            Redis.from_url(system.run["redis_url"]).flushall()
            wiped = time.monotonic()
        time.sleep(0.05)

    ended = system.all_ended(jobs, patience=300)
    assert {job["status"] for job in ended} == {"succeeded"}
    assert system.creates_of(jobs) == {1}


@pytest.mark.parametrize("away", ["refusing", "hanging"])
def test_a_minute_without_valkey_costs_no_job(system, away):
    jobs = [system.submit_quickly() for _ in range(20)]
    with getattr(system, away)("valkey"):
        until = time.monotonic() + 60
        while time.monotonic() < until:
            jobs.append(system.submit_quickly())
            time.sleep(0.25)

    ended = system.all_ended(jobs, patience=180)
    assert {job["status"] for job in ended} == {"succeeded"}
    assert system.creates_of(jobs) == {1}
