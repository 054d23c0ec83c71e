"""Poison: what kills its workers is counted before the work, stopped, and waits for a person."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from fixative.jobs.deliveries import read_delivery, receive
from fixative.names import CREATE_PREDICTION, INGEST_PREDICTION, STORE_OUTPUTS
from fixative.postgres.leases import MOST_CRASHES, take
from fixative.postgres.operation_tables import DeadLetter
from fixative.postgres.tables import Delivery, Job
from fixative.recovery.sweep import sweep
from fixative.replicate.prediction import read_prediction


@pytest.fixture
def die(database):
    """Workers take the job, one after the other, and never come back."""

    def kill(job_id, times):
        for _ in range(times):
            with database.begin() as session:
                take(session, job_id)
                session.execute(update(Job).values(lease_until=None))

    return kill


@pytest.fixture
def letters(database):
    def read():
        with database.begin() as session:
            return list(session.scalars(select(DeadLetter)))

    return read


@pytest.fixture
def at(database):
    """Put the job into this stage, hinted long ago."""

    def put(job_id, status):
        with database.begin() as session:
            ago = func.now() - timedelta(minutes=1)
            session.execute(update(Job).values(status=status, hinted_at=ago))

    return put


@pytest.mark.parametrize(
    ("status", "task"), [("submitting", CREATE_PREDICTION), ("storing", STORE_OUTPUTS)]
)
def test_a_row_that_many_workers_died_of_is_given_to_no_other(
    database, submit, die, at, letters, read_job, status, task
):
    job_id = submit()
    die(job_id, MOST_CRASHES - 1)
    at(job_id, status)
    [hint] = sweep(database, {})
    assert (hint.task, letters()) == (task, [])

    die(job_id, 1)
    at(job_id, status)

    assert sweep(database, {}) == []
    assert sweep(database, {}) == []
    assert read_job(job_id).waiting_reason == "needs_review"
    [letter] = letters()
    assert (letter.task, letter.job_id, letter.attempts) == (task, job_id, MOST_CRASHES)
    with database.begin() as session:
        assert take(session, job_id) is None


def test_an_orderly_end_takes_the_count_back(services, submit, read_job):
    job_id = submit()

    services.submitter.submit(job_id)

    assert read_job(job_id).crashes == 0


def test_deriving_that_kills_its_workers_is_given_up_with_a_warning(
    database, submit, die, letters, read_job
):
    job_id = submit()
    with database.begin() as session:
        session.execute(
            update(Job).values(
                status="succeeded",
                warnings=["one before: it"],
                derive_due_at=func.now(),
                hinted_at=func.now() - timedelta(hours=1),
            )
        )
    die(job_id, MOST_CRASHES)

    sweep(database, {})

    job = read_job(job_id)
    assert (job.status, job.derive_due_at) == ("succeeded", None)
    assert [warning.partition(":")[0] for warning in job.warnings] == ["one before", "not derived"]
    assert len(letters()) == 1


def test_a_delivery_that_kills_its_workers_is_read_no_more(database, letters):
    raw = {"id": "p1", "status": "succeeded", "created_at": "2026-01-01T00:00:00Z"}
    with database.begin() as session:
        receive(session, "msg_1", read_prediction(raw), None)
        session.execute(
            update(Delivery).values(
                tries=MOST_CRASHES, received_at=func.now() - timedelta(minutes=1)
            )
        )

    assert read_delivery(database, "msg_1") == []

    with database.begin() as session:
        delivery = session.scalars(select(Delivery)).one()
    assert (delivery.result, delivery.processed_at is not None) == ("poison", True)
    assert [letter.task for letter in letters()] == [INGEST_PREDICTION]
