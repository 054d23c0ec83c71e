"""The sweep and the poll: what messages and webhooks did not bring."""

from datetime import timedelta

import pytest
from sqlalchemy import func, update

from fixative.names import CREATE_PREDICTION, QUEUES, STORE_OUTPUTS, SUBMIT
from fixative.postgres.tables import Attempt, Job
from fixative.recovery.poll import poll_predictions
from fixative.recovery.sweep import sweep


@pytest.fixture
def later(database):
    """Let a minute pass for every row."""

    def pass_on(**time):
        ago = timedelta(**(time or {"minutes": 1}))
        with database.begin() as session:
            session.execute(update(Job).values(hinted_at=Job.hinted_at - ago))
            session.execute(
                update(Attempt).values(
                    created_at=Attempt.created_at - ago, missed_at=Attempt.missed_at - ago
                )
            )

    return pass_on


def test_a_row_whose_hint_was_lost_is_hinted_again_but_not_at_once(
    services, database, submit, later, admit
):
    job_id = submit()
    admit(services.creates)
    assert sweep(database, {}) == []

    later()
    [hint] = sweep(database, {})
    assert (hint.task, hint.arguments) == (CREATE_PREDICTION, {"job_id": str(job_id)})
    assert sweep(database, {}) == []


def test_queued_rows_are_left_to_admission(database, submit, later):
    submit()
    later()

    assert sweep(database, {}) == []


def test_a_queue_that_is_long_gets_no_more(services, database, submit, later, admit):
    submit()
    admit(services.creates)
    later()

    assert sweep(database, dict.fromkeys(QUEUES, 0) | {SUBMIT: 500}) == []


def test_a_row_under_a_lease_is_not_hinted(services, database, submit, later, admit):
    submit()
    admit(services.creates)
    later()
    with database.begin() as session:
        session.execute(update(Job).values(lease_until=func.now() + timedelta(seconds=30)))

    assert sweep(database, {}) == []


@pytest.mark.parametrize("count", [3, 30])  # one by one, and by pages
def test_what_is_in_flight_is_found_by_polling(
    services, database, submit, later, eventually, read_job, emulator, count
):
    jobs = [submit() for _ in range(count)]
    for job_id in jobs:
        services.submitter.submit(job_id)
    later(seconds=5)
    hints = []

    def all_storing():
        hints.extend(poll_predictions(database, services.replicate))
        return all(read_job(job_id).status == "storing" for job_id in jobs)

    eventually(all_storing)
    assert [hint.task for hint in hints].count(STORE_OUTPUTS) == count


def test_many_are_asked_for_by_the_page(services, database, submit, later, emulator):
    emulator.post("/_emulator/config", json={"latency": {"*": {"start": 60}}})
    for job_id in [submit() for _ in range(25)]:
        services.submitter.submit(job_id)
    later(seconds=5)

    poll_predictions(database, services.replicate)

    requests = emulator.get("/_emulator/stats").json()["requests"]
    assert [n for route, n in requests.items() if "/predictions/{" in route] == []


def test_a_prediction_that_replicate_lost_fails_its_job_after_ten_minutes(
    services, database, submit, later, emulator, read_job
):
    job_id = submit()
    services.submitter.submit(job_id)
    emulator.post("/_emulator/reset")
    later(seconds=5)
    poll_predictions(database, services.replicate)
    assert read_job(job_id).status == "starting"

    later(minutes=11)
    poll_predictions(database, services.replicate)
    assert (read_job(job_id).status, read_job(job_id).error["code"]) == ("failed", "internal")
