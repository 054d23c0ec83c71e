"""History sync in the whole system: killed on the way, it ends with one job of each prediction."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from sqlalchemy import func, select

from bench.processes import peak_megabytes
from fixative.postgres.engine import Database
from fixative.postgres.sync_tables import SyncRun
from fixative.postgres.tables import Attempt, Job
from fixative.settings import load_settings

pytestmark = pytest.mark.soak
MOST_MEGABYTES = 250


@pytest.fixture
def filled(start):
    """A system, and this many predictions at Replicate that are none of its own."""

    def make(count, **environ):
        system = start("--no-flower", **environ)
        add_history(system, count, span_seconds=30 * 86_400)  # their data is gone, most of it
        return system

    return make


def add_history(system, count, span_seconds):
    url = f"{system.run['replicate_url']}/_emulator/history"
    body = {"count": count, "span_seconds": span_seconds}
    httpx.post(url, json=body, timeout=120).raise_for_status()


def rows_of(system):
    """How many jobs and predictions there are, as the database itself tells."""
    settings = load_settings({"FIXATIVE_DATA_DIR": str(system.data_dir)})
    database = Database(settings.sqlalchemy_url, connections=1)
    try:
        with database.begin() as session:
            jobs = session.scalar(select(func.count()).select_from(Job))
            known = session.scalar(select(func.count(Attempt.prediction_id.distinct())))
            runs = list(session.scalars(select(SyncRun).where(SyncRun.mode == "bootstrap")))
    finally:
        database.close()
    return jobs, known, runs


@pytest.mark.parametrize(
    ("predictions", "kills"),
    [
        (3000, 1),
        pytest.param(100_000, 5, marks=[pytest.mark.soak, pytest.mark.timeout(3000)]),
    ],
)
def test_killed_on_the_way_it_ends_with_one_job_of_each_and_the_next_reads_what_is_new(
    filled, eventually, predictions, kills
):
    # So slowly that it can be caught on the way.
    system = filled(predictions, FIXATIVE_READS_PER_MINUTE=str(3000 if predictions > 3000 else 300))

    def begin(**body):
        begun = system.api.post("/sync-replicate-jobs", json=body, headers={"Prefer": "wait=1"})
        return begun.json()["sync_id"]

    def seen(sync_id):
        return system.api.get(f"/syncs/{sync_id}", params={"limit": 0}).json()

    sync_id = begin(bootstrap=True, max_predictions=None)

    peaks = []
    for kill in range(1, kills + 1):
        reach = predictions * kill // (kills + 1)
        eventually(lambda reach=reach: seen(sync_id)["predictions_checked"] >= reach, patience=600)
        assert seen(sync_id)["status"] == "running"
        before = system.pids["worker-store"]
        peaks += peak_megabytes({"worker-store": before}).values()
        os.kill(before, signal.SIGKILL)
        eventually(lambda before=before: system.pids.get("worker-store", before) != before)

    eventually(lambda: seen(sync_id)["status"] != "running", patience=900)
    run = seen(sync_id)
    peaks += peak_megabytes({"worker-store": system.pids["worker-store"]}).values()
    assert max(peaks) < MOST_MEGABYTES
    assert run["status"] == "complete"
    assert (run["predictions_checked"], run["jobs_created"]) == (predictions, predictions)
    jobs, known, runs = rows_of(system)
    assert (jobs, known, len(runs)) == (predictions, predictions, 1)

    add_history(system, 10, span_seconds=1)
    next_id = begin()
    eventually(lambda: seen(next_id)["status"] != "running", patience=60)
    assert seen(next_id)["status"] == "complete"
    assert seen(next_id)["pages"] <= 3
    assert rows_of(system)[:2] == (predictions + 10, predictions + 10)


def test_a_worker_without_an_api_is_told_to_sync_by_hand(filled, eventually):
    system = filled(250)
    celery = Path(sys.executable).with_name("celery")
    subprocess.run(
        [
            *(celery, "-A", "worker.app", "call", "fixative.sync_history"),
            *("--kwargs", '{"bootstrap": true}'),
        ],
        env={**system.environ, "FIXATIVE_DATA_DIR": str(system.data_dir)},
        cwd=Path(__file__).parents[2],
        check=True,
        capture_output=True,
        timeout=60,
    )

    def complete():
        _, _, runs = rows_of(system)
        return [run for run in runs if run.status == "complete"]

    [run] = eventually(complete)
    assert run.jobs_created == 250
    assert rows_of(system)[:2] == (250, 250)
