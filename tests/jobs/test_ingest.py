"""Events twice, late, out of order and of older attempts: the job ends the same."""

import itertools
import threading
import uuid
from datetime import timedelta

import pytest
from sqlalchemy import func, insert, select, update

from fixative.jobs.deliveries import read_delivery, receive
from fixative.jobs.ingest import ingest
from fixative.jobs.store import move
from fixative.names import STORE_OUTPUTS
from fixative.postgres.tables import Attempt, Delivery, Job, Transition
from fixative.replicate.prediction import read_prediction

ENDS = {"succeeded": "storing", "failed": "failed", "canceled": "canceled", "aborted": "canceled"}


@pytest.fixture
def running(services, submit, attempts_of):
    """A job whose prediction was created, and what Replicate would say of it in a status."""

    def make():
        job_id = submit()
        services.submitter.submit(job_id)
        known = attempts_of(job_id)[0].prediction

        def told(status, **more):
            output = ["https://replicate.delivery/x.png"] if status == "succeeded" else None
            return read_prediction({**known, "output": output, **more, "status": status})

        return job_id, told

    return make


@pytest.fixture
def hear(database):
    """Ingest a prediction in a transaction of its own."""

    def heard(prediction, cause="webhook"):
        with database.begin() as session:
            return ingest(session, prediction, cause=cause)

    return heard


@pytest.fixture
def moves_of(database):
    def read(job_id):
        rows = select(Transition).where(Transition.job_id == job_id).order_by(Transition.id)
        with database.begin() as session:
            return [(row.from_status, row.to_status) for row in session.scalars(rows)]

    return read


@pytest.mark.parametrize("end", ENDS)
def test_any_order_and_repetition_of_events_ends_the_same(running, hear, read_job, moves_of, end):
    for order in set(itertools.permutations(["starting", "processing", end])):
        job_id, told = running()

        for status in (*order, *order):
            hear(told(status))

        assert read_job(job_id).status == ENDS[end]
        assert [to for _, to in moves_of(job_id)].count(ENDS[end]) == 1


def test_only_the_first_success_asks_for_storing(running, hear):
    _, told = running()

    first, second = hear(told("succeeded")), hear(told("succeeded"))

    assert [hint.task for hint in first.hints] == [STORE_OUTPUTS]
    assert second.hints == []


def test_a_late_webhook_never_reopens_a_canceled_job(running, hear, read_job, database):
    job_id, told = running()
    with database.begin() as session:
        move(session, job_id, "canceled", cause="operator")

    assert hear(told("succeeded")).result == "known"
    assert read_job(job_id).status == "canceled"


def test_what_replicate_cleared_empties_nothing_that_we_have(running, hear, attempts_of):
    job_id, told = running()
    hear(told("succeeded", logs="worked hard"))

    hear(told("succeeded", output=None, logs="", input={}, data_removed=True))

    known = attempts_of(job_id)[0].prediction
    assert known["output"] == ["https://replicate.delivery/x.png"]
    assert (known["logs"], known["input"], known["data_removed"]) == (
        "worked hard",
        {"prompt": "a cat"},
        True,
    )


def test_an_older_attempts_event_touches_that_attempt_only(
    running, hear, database, read_job, attempts_of
):
    job_id, told = running()
    newer = uuid.uuid4()
    with database.begin() as session:
        session.execute(insert(Attempt).values(id=newer, job_id=job_id, number=2))
        session.execute(update(Job).where(Job.id == job_id).values(attempt_id=newer))

    assert hear(told("failed", error="no")).result == "older_attempt"

    assert read_job(job_id).status == "starting"
    assert attempts_of(job_id)[0].prediction_status == "failed"


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("Prediction input failed validation: {}", "invalid_input"),
        ("CUDA out of memory. Tried to allocate 20 GiB", "out_of_memory"),
        ("E1001: the container was killed", "out_of_memory"),
        ("The prediction timed out", "timeout"),
        ("list index out of range", "model_error"),
    ],
)
def test_a_failure_is_told_by_its_category(running, hear, read_job, message, code):
    job_id, told = running()

    hear(told("failed", error=message))

    assert read_job(job_id).error["code"] == code
    assert read_job(job_id).error["message"] == message


def test_a_prediction_ended_before_it_started_cancels_the_job_as_aborted(running, hear, read_job):
    job_id, told = running()

    hear(told("aborted"))

    assert (read_job(job_id).status, read_job(job_id).error["code"]) == ("canceled", "aborted")


def test_a_stranger_changes_nothing(running, hear):
    _, told = running()

    assert hear(told("succeeded", id="somebodyelses", webhook=None)).result == "stranger"


def test_a_webhook_that_names_a_job_whose_target_differs_is_not_believed(
    running, hear, read_job, attempts_of
):
    job_id, told = running()
    names = f"https://us.example/webhook?job={job_id}&attempt={attempts_of(job_id)[0].id}"

    forged = told("failed", id="another", model="somebody/else", webhook=names)

    assert hear(forged).result == "stranger"
    assert read_job(job_id).status == "starting"


def test_a_webhook_faster_than_our_own_commit_finds_its_attempt(
    submit, database, hear, read_job, attempts_of, running
):
    _, told = running()
    job_id, attempt_id = submit(), uuid.uuid4()
    with database.begin() as session:
        session.execute(insert(Attempt).values(id=attempt_id, job_id=job_id, number=1))
        values = {"status": "submitting", "attempt_id": attempt_id}
        session.execute(update(Job).where(Job.id == job_id).values(values))
    names = f"https://us.example/webhook?job={job_id}&attempt={attempt_id}"

    hear(told("succeeded", id="veryfast", webhook=names))

    assert read_job(job_id).status == "storing"
    assert attempts_of(job_id)[0].outcome == "created"


def test_a_webhook_read_while_our_own_answer_is_being_committed_is_no_stranger(
    submit, database, hear, running, attempts_of
):
    _, told = running()
    job_id, attempt_id = submit(), uuid.uuid4()
    with database.begin() as session:
        session.execute(insert(Attempt).values(id=attempt_id, job_id=job_id, number=1))
        values = {"status": "submitting", "attempt_id": attempt_id}
        session.execute(update(Job).where(Job.id == job_id).values(values))
    names = f"https://us.example/webhook?job={job_id}&attempt={attempt_id}"
    prediction = told("processing", id="samemoment", webhook=names)
    results = []
    webhook = threading.Thread(target=lambda: results.append(hear(prediction).result))

    with database.begin() as ours:
        ingest(ours, prediction, cause="task", attempt=attempts_of(job_id)[0])
        webhook.start()
        webhook.join(0.3)  # it waits for our lock, or would have been wrong by now
    webhook.join(10)

    assert results == ["known"]


def test_a_delivery_that_might_be_an_unsettled_attempts_is_set_aside_and_read_later(
    submit, database, running, attempts_of
):
    _, told = running()
    job_id, attempt_id = submit(), uuid.uuid4()
    with database.begin() as session:
        row = {"id": attempt_id, "job_id": job_id, "number": 1, "outcome": "unknown"}
        session.execute(insert(Attempt).values(row))
        receive(session, "msg_1", told("processing", id="whose", webhook=None), None)

    read_delivery(database, "msg_1")

    with database.begin() as session:
        delivery = session.get_one(Delivery, "msg_1")
        assert (delivery.result, delivery.processed_at) == ("set_aside", None)
        long_ago = {"received_at": func.now() - timedelta(hours=1)}
        session.execute(update(Delivery).values(long_ago))
    read_delivery(database, "msg_1")
    with database.begin() as session:
        assert session.get_one(Delivery, "msg_1").processed_at is not None


def test_the_same_webhook_twice_is_one_delivery(running, database):
    _, told = running()

    with database.begin() as session:
        first = receive(session, "msg_1", told("processing"), None)
        second = receive(session, "msg_1", told("processing"), None)

    assert (len(first), len(second)) == (1, 0)
