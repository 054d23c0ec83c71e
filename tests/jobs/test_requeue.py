"""Requeueing, in doubt: many operators at once, every kind of row, and hints that are lost."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from fixative.jobs.dead_letters import LetterQuery, bury, list_letters
from fixative.jobs.deliveries import receive
from fixative.jobs.requeue import requeue
from fixative.names import (
    CREATE_PREDICTION,
    DERIVE_MEDIA,
    INGEST_PREDICTION,
    STORE_OUTPUTS,
    SWEEP,
    Hint,
)
from fixative.postgres.leases import MOST_CRASHES
from fixative.postgres.tables import Delivery, Job
from fixative.recovery.sweep import sweep
from fixative.replicate.prediction import read_prediction

RAW = {"id": "p1", "status": "succeeded", "created_at": "2026-01-01T00:00:00Z"}


@pytest.fixture
def dying(database, submit):
    """A job of which as many workers died as may, in this stage, or while it was derived from."""

    def make(status, **values):
        job_id = submit()
        stage = {
            "status": status,
            "crashes": MOST_CRASHES,
            "hinted_at": func.now() - timedelta(hours=2),
            **values,
        }
        with database.begin() as session:
            session.execute(update(Job).where(Job.id == job_id).values(**stage))
        return job_id

    return make


@pytest.fixture
def requeue_and_lose_the_hints(database):
    """An operator requeues all, and the process dies before it publishes."""

    def run():
        with database.begin() as session:
            return requeue(session)

    return run


@pytest.fixture
def open_letters(database):
    def read():
        with database.begin() as session:
            return list_letters(session, LetterQuery(), before=None, limit=100)

    return read


@pytest.mark.parametrize(
    ("task", "status", "values"),
    [
        (CREATE_PREDICTION, "submitting", {}),
        (STORE_OUTPUTS, "storing", {}),
        (DERIVE_MEDIA, "succeeded", {"derive_due_at": func.now(), "completed_at": func.now()}),
    ],
)
def test_the_sweep_finds_the_row_of_a_requeued_letter_and_stops_it_again_if_it_must(
    database, dying, requeue_and_lose_the_hints, open_letters, task, status, values
):
    job_id = dying(status, **values)
    assert task not in {hint.task for hint in sweep(database, {})}

    requeue_and_lose_the_hints()

    with database.begin() as session:  # what came of the giving up is written down meanwhile
        session.execute(update(Job).values(record_due_at=None))
    assert sweep(database, {}) == [Hint(task, {"job_id": str(job_id)})]
    assert open_letters() == []

    with database.begin() as session:
        ago = func.now() - timedelta(hours=1)
        session.execute(update(Job).values(crashes=MOST_CRASHES, hinted_at=ago))

    assert task not in {hint.task for hint in sweep(database, {})}
    assert [letter.task for letter in open_letters()] == [task]


def test_the_sweep_finds_the_delivery_of_a_requeued_letter(database, requeue_and_lose_the_hints):
    with database.begin() as session:
        receive(session, "msg_1", read_prediction(RAW), None)
        given_up = {"processed_at": func.now(), "tries": MOST_CRASHES, "result": "poison"}
        session.execute(update(Delivery).values(**given_up))
        bury(session, INGEST_PREDICTION, {"delivery_id": "msg_1"}, ValueError("it broke"))

    requeue_and_lose_the_hints()

    assert sweep(database, {}) == [Hint(INGEST_PREDICTION, {"delivery_id": "msg_1"})]
    with database.begin() as session:
        assert session.scalars(select(Delivery.tries)).one() == 0


def test_deriving_is_not_made_due_for_a_job_that_has_not_ended(
    database, dying, requeue_and_lose_the_hints, read_job
):
    job_id = dying("storing", crashes=0)
    with database.begin() as session:
        bury(session, DERIVE_MEDIA, {"job_id": str(job_id)}, LookupError("no attempt"))

    requeue_and_lose_the_hints()

    assert read_job(job_id).derive_due_at is None


def test_operators_at_once_requeue_each_letter_once(database):
    with database.begin() as session:
        for number in range(200):
            bury(session, SWEEP, {"n": number}, ValueError("it broke"))
            session.flush()

    def operate(_):
        hints = []
        for _ in range(3):
            with database.begin() as session:
                hints += requeue(session)
        return hints

    with ThreadPoolExecutor(4) as operators:
        requeued = [
            hint.arguments["n"] for hints in operators.map(operate, range(4)) for hint in hints
        ]

    assert sorted(requeued) == list(range(200))


@pytest.mark.parametrize("anything", [None, 5, "", [], {"a": 1}])
def test_a_letter_of_a_call_that_made_no_sense_stands_in_no_others_way(database, dying, anything):
    job_id = dying("storing")
    sweep(database, {})
    with database.begin() as session:
        bury(session, STORE_OUTPUTS, {"job_id": anything}, ValueError("no id"))
        bury(session, INGEST_PREDICTION, {"delivery_id": anything}, ValueError("no id"))

    with database.begin() as session:
        hints = requeue(session)

    assert len(hints) == 3
    assert sweep(database, {}) == [Hint(STORE_OUTPUTS, {"job_id": str(job_id)})]
