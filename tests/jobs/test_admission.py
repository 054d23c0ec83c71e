"""Admission: in the order of all owners, at Replicate's pace."""

import uuid

import pytest
from sqlalchemy import select

from fixative.access.owners import ensure_owner
from fixative.errors import Conflict, NotFound
from fixative.jobs.accept import JobRequest, accept
from fixative.jobs.cancel import request_cancel
from fixative.jobs.store import find_job, get_job
from fixative.postgres.tables import Job
from fixative.replicate.pace import Pace


@pytest.fixture
def order(database):
    """The owners of the queued jobs, first to last."""

    def read():
        queued = select(Job.owner_id).where(Job.status == "queued").order_by(Job.fair_at)
        with database.begin() as session:
            return list(session.scalars(queued))

    return read


@pytest.fixture
def slow(services):
    """A pace of one create a second."""
    return Pace(services.shared, "slow", 60)


def test_one_owners_burst_does_not_stand_before_anothers_first_job(
    database, submit, owner_id, order
):
    for _ in range(20):
        submit()
    with database.begin() as session:
        other = ensure_owner(session, "other").id
    submit(owner=other)

    assert other in order()[:3]


def test_a_high_priority_overtakes_ones_own_queue(database, submit, order):
    for _ in range(5):
        submit()
    urgent = submit(priority="high")

    with database.begin() as session:
        first = session.scalars(select(Job.id).order_by(Job.fair_at).limit(1)).one()
    assert first == urgent


def test_as_many_are_admitted_as_there_are_tokens(database, submit, slow, read_job, admit):
    jobs = [submit() for _ in range(3)]

    hints, others_wait = admit(slow)

    assert len(hints) == 1
    assert others_wait
    statuses = [read_job(job_id).status for job_id in jobs]
    assert statuses == ["submitting", "queued", "queued"]
    assert read_job(jobs[1]).waiting_reason == "pace"


def test_an_admitted_job_is_submitted_without_another_token(
    services, database, submit, slow, attempts_of, admit
):
    job_id = submit()
    admit(slow)

    services.submitter.submit(job_id)

    assert attempts_of(job_id)[0].outcome == "created"


def test_nobody_overtakes_those_who_are_known_to_wait(database, submit, slow, eventually, admit):
    for _ in range(3):
        submit()
    admit(slow)

    assert slow.take().granted == 0
    assert eventually(lambda: slow.take(in_turn=True).granted)


def test_the_same_key_and_request_give_the_same_job(database, owner_id):
    request = JobRequest(model="a/b", input={"x": 1, "y": 2})
    again = JobRequest(model="a/b", input={"y": 2, "x": 1})

    with database.begin() as session:
        first = accept(session, request, owner_id, idempotency_key="k")
    with database.begin() as session:
        second = accept(session, again, owner_id, idempotency_key="k")

    assert first.job.id == second.job.id
    assert (first.replayed, second.replayed) == (False, True)
    assert second.hints == []


def test_the_same_key_for_another_request_is_refused(database, owner_id):
    with database.begin() as session:
        accept(session, JobRequest(model="a/b", input={}), owner_id, idempotency_key="k")

    with pytest.raises(Conflict), database.begin() as session:
        accept(session, JobRequest(model="a/c", input={}), owner_id, idempotency_key="k")


def test_two_owners_may_use_the_same_key(database, owner_id):
    with database.begin() as session:
        other = ensure_owner(session, "other").id
        mine = accept(session, JobRequest(model="a/b", input={}), owner_id, idempotency_key="k")
        theirs = accept(session, JobRequest(model="a/b", input={}), other, idempotency_key="k")

    assert mine.job.id != theirs.job.id


def test_a_queued_job_is_cancelled_at_once_and_never_admitted(
    database, submit, slow, read_job, admit
):
    job_id = submit()
    with database.begin() as session:
        request_cancel(session, get_job(session, job_id))

    assert read_job(job_id).status == "canceled"
    assert admit(slow) == ([], False)


def test_an_admitted_job_that_nobody_sent_is_cancelled_at_once(
    database, submit, slow, read_job, admit
):
    job_id = submit()
    admit(slow)

    with database.begin() as session:
        request_cancel(session, get_job(session, job_id))

    assert read_job(job_id).status == "canceled"


def test_a_wrong_id_and_a_foreign_id_answer_alike(database, submit):
    job_id, nobody = submit(), uuid.uuid4()
    for wrong in (job_id, nobody):
        with pytest.raises(NotFound), database.begin() as session:
            find_job(session, wrong, owner_id=uuid.uuid4())
