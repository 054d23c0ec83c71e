"""Two minutes of a wrong token, and of an empty account: jobs are held, none fails."""

import re
import time

import pytest

pytestmark = [pytest.mark.soak, pytest.mark.timeout(600)]

SECONDS = 120


@pytest.mark.parametrize(
    ("wrong", "right", "reason", "alarm"),
    [
        (
            {"tokens": ["r8_somebody_else"]},
            {"tokens": []},
            "token",
            "replicate_token_refused",
        ),
        (
            {"faults": {"402": 1}},
            {"faults": {"402": 0}},
            "credit",
            "replicate_credit_exhausted",
        ),
    ],
)
def test_no_job_fails_and_one_alarm_says_why(system, wrong, right, reason, alarm):
    jobs = [system.submit() for _ in range(10)]
    before = _alarms(system, alarm)
    system.configure(**wrong)
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        jobs.append(system.submit_quickly())
        time.sleep(0.5)

    seen = [system.job(job_id) for job_id in jobs]
    assert {job["status"] for job in seen} <= {"queued", "submitting", "succeeded", "storing"}
    reasons = {job["waiting"]["reason"] for job in seen if job["status"] == "queued"}
    assert reasons == {reason}
    assert _alarms(system, alarm) == before + 1

    system.configure(**right)
    ended = system.all_ended(jobs, patience=180)
    assert {job["status"] for job in ended} == {"succeeded"}
    assert system.creates_of(jobs) == {1}


def _alarms(system, alarm):
    metrics = system.api.get("/metrics").text
    found = re.search(rf'fixative_alarms_total{{alarm="{alarm}"}} (\S+)', metrics)
    return float(found[1]) if found else 0
