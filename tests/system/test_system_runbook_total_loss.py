"""The whole system is killed under load and its database is gone: the runbook brings it back."""

import json
import time
from datetime import datetime

import pytest

from tests.processes import alive
from tests.system.following import all_written, creates, submit_mixed

pytestmark = [pytest.mark.soak, pytest.mark.timeout(1200)]

JOBS, UNDER_LOAD = 100, 60


def test_a_killed_system_without_its_database_rises_from_what_is_written_elsewhere(
    start, follow, outside, replicate, eventually
):
    system = start("--no-flower", **outside)
    old = submit_mixed(system, range(JOBS))
    system.all_ended(old, patience=300)
    eventually(lambda: all_written(system), patience=300)
    before = told(system)
    accepted = {}
    for number in range(JOBS, JOBS + UNDER_LOAD):
        [job_id] = submit_mixed(system, range(number, number + 1))
        accepted[job_id] = datetime.fromisoformat(system.job(job_id)["created_at"]).timestamp()
    pids = list(system.pids.values())
    system.process.kill()
    killed = time.time()
    eventually(lambda: not any(map(alive, pids)))
    recorded = {path.stem for path in system.data_dir.glob("records/daily/*/accepted/*.json")}

    done = follow(system, "total-loss-of-the-database", outside)

    system = done.system
    back = told(system)
    assert {job_id: back.get(job_id) for job_id in before} == before
    lost = accepted.keys() - back.keys()
    assert not lost & recorded
    point = max((killed - accepted[job_id] for job_id in lost), default=0.0)
    system.all_ended(list(accepted.keys() - lost), patience=300)
    assert creates(replicate) == {1}
    print(
        f"{JOBS + UNDER_LOAD} jobs: {done.seconds:.0f} s;"
        f" {len(lost)} lost, accepted up to {point:.1f} s before"
    )


def told(system):
    """Each job's line of the export, by its id."""
    lines = system.fixative("export").splitlines()
    return {json.loads(line)["id"]: line for line in lines}
