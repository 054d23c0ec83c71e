"""After jobs and deletions the bucket holds what the rows say, and nothing else."""

import subprocess
import sys
from pathlib import Path

import pytest

MODELS = ("black-forest-labs/flux-schnell", "emulator/report", "meta/meta-llama-3-8b-instruct")


@pytest.mark.parametrize(
    ("jobs", "deletions"), [(12, 3), pytest.param(500, 100, marks=pytest.mark.soak)]
)
def test_no_object_is_without_a_row_and_no_row_without_its_object(
    start, eventually, jobs, deletions
):
    system = start(FIXATIVE_CREATES_PER_MINUTE="60000")
    system.configure(latency={"*": {"start": 0.01, "run": 0.05}}, creates_per_minute=60000)
    ids = [system.submit(MODELS[number % len(MODELS)]) for number in range(jobs)]
    system.all_ended(ids, patience=300)
    deleted = ids[:: jobs // deletions]

    for job_id in deleted:
        assert system.api.delete(f"/jobs/{job_id}").status_code == 204

    assert {system.api.get(f"/jobs/{job_id}").status_code for job_id in deleted} == {410}
    eventually(lambda: left_of(system, deleted) == {f"{job_id}.json" for job_id in deleted})
    eventually(lambda: manifests(system) == jobs - deletions)
    report = doctor(system)
    print(report.stdout)
    assert report.returncode == 0, report.stdout
    assert "0 without a row, 0 rows without their object, 0 of another size" in report.stdout


def left_of(system, job_ids):
    return {key.rpartition("/")[2] for key in system.objects() if any(i in key for i in job_ids)}


def manifests(system):
    return sum(key.endswith("/metadata.json") for key in system.objects())


def doctor(system):
    command = [Path(sys.executable).with_name("fixative"), "doctor", "--bucket"]
    return subprocess.run(
        [*command, "--data-dir", system.data_dir],
        env=system.environ,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
