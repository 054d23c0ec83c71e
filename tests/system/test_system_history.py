"""A history walk every second while creates hang: nothing of ours is ever a stranger."""

import threading
import time
from datetime import UTC, datetime, timedelta

import pytest

from fixative.jobs.ingest import ingest
from fixative.replicate.prediction import read_prediction
from fixative.settings import load_settings
from worker.services import Services

pytestmark = [pytest.mark.soak, pytest.mark.timeout(600)]

JOBS = 40


@pytest.mark.parametrize("webhooks", [True, False])
def test_nothing_is_imported_or_paid_twice(start, webhooks):
    called = {} if webhooks else {"REPLICATE_WEBHOOK_URL": "http://127.0.0.1:9/none"}
    system = start("--no-flower", **called)
    system.configure(
        faults={"create_then_hang": 0.5, "list_lag": 0.5}, seconds={"hang": 20, "list_lag": 3}
    )
    services = Services(load_settings({"FIXATIVE_DATA_DIR": str(system.data_dir)}), connections=2)
    began, over, results = datetime.now(UTC) - timedelta(minutes=1), threading.Event(), []

    def walk():
        while not over.wait(1):
            for page in services.replicate.pages(created_after=began):
                for raw in page:
                    with services.database.begin() as session:
                        result = ingest(session, read_prediction(raw), cause="sync").result
                    results.append(result)

    walker = threading.Thread(target=walk)
    walker.start()
    try:
        jobs = []
        for number in range(JOBS):
            jobs.append(system.submit(prompt=f"a cat, {number % 5}"))
            time.sleep(0.2)
        ended = system.all_ended(jobs, patience=300)
    finally:
        over.set()
        walker.join()
        services.close()

    assert {job["status"] for job in ended} == {"succeeded"}
    assert "stranger" not in results
    assert "duplicate" not in results
    assert system.creates_of(jobs) == {1}
