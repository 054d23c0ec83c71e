"""Rows of jobs are gone from a database that is otherwise whole."""

import re

import psycopg
import pytest

from tests.system.following import all_written, creates, run, submit_mixed

pytestmark = [pytest.mark.soak, pytest.mark.timeout(1200)]

JOBS = 100


def test_jobs_whose_rows_are_gone_come_back_and_the_others_stay(
    start, follow, outside, replicate, eventually
):
    system = start("--no-flower", **outside)
    jobs = submit_mixed(system, range(JOBS))
    system.all_ended(jobs, patience=300)
    running = system.submit("emulator/sleep", prompt="running", seconds=120)
    eventually(lambda: system.job(running)["status"] == "processing")
    eventually(lambda: all_written(system), patience=300)
    gone = [running, *jobs[::3]]
    digest = run(system, "fixative digest")
    with psycopg.connect(system.run["database_url"]) as connection:
        connection.execute("DELETE FROM jobs WHERE id = ANY(%s::uuid[])", [gone])
    assert {system.api.get(f"/jobs/{job_id}").status_code for job_id in gone} == {404}

    lost_lines = "diff before.jsonl after.jsonl | grep '^<'"
    done = follow(system, "partial-loss", outside, exits={lost_lines: 1})

    system = done.system
    assert done.told[lost_lines] == [""]
    [synced] = done.told["fixative sync --bootstrap"]
    assert re.search(rf"\b{JOBS + 1}\b", synced)
    assert system.ended(running)["status"] == "succeeded"
    assert len(run(system, "fixative export").splitlines()) == JOBS + 1
    assert digest.split()[2] == str(JOBS + 1)
    assert {system.api.get(f"/jobs/{job_id}").status_code for job_id in gone} == {200}
    assert creates(replicate) == {1}
    print(f"{JOBS + 1} jobs, {len(gone)} of them gone: {done.seconds:.0f} s")
