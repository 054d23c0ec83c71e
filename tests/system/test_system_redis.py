"""Redis wiped, refusing and hanging: a matter of seconds, never of jobs."""

import signal
import time

from redis import Redis

SLOW = 3.0  # generous: what matters is that nobody waits for Redis


def submit_quickly(system):
    began = time.monotonic()
    job_id = system.submit()
    assert time.monotonic() - began < SLOW
    return job_id


def test_flushall_in_the_middle_of_two_hundred_jobs_loses_none(system):
    jobs = []
    for number in range(200):
        jobs.append(system.submit())
        if number == 120:
            Redis.from_url(system.run["redis_url"]).flushall()

    assert {job["status"] for job in system.all_ended(jobs, patience=120)} == {"succeeded"}
    [(most,)] = system.query("SELECT max(number) FROM attempts")
    assert most == 1


def test_a_valkey_that_hangs_stops_neither_submits_nor_webhooks(system):
    running = submit_quickly(system)
    system.kill("valkey", signal.SIGSTOP)
    try:
        jobs = [submit_quickly(system) for _ in range(10)]
        readiness = system.api.get("/readyz")
        deadline = time.monotonic() + 12
        while time.monotonic() < deadline:
            jobs.append(submit_quickly(system))
            time.sleep(1)
    finally:
        system.kill("valkey", signal.SIGCONT)

    assert readiness.status_code == 503
    ended = system.all_ended([running, *jobs], patience=120)
    assert {job["status"] for job in ended} == {"succeeded"}
