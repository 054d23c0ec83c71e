"""A glance at a job tells whenever the job looks otherwise."""

import uuid

import pytest
from sqlalchemy import insert, update

from fixative.errors import Gone, NotFound
from fixative.jobs.delete import delete_job
from fixative.jobs.glance import glance, glance_at
from fixative.jobs.store import get_job, move
from fixative.postgres.media_tables import Media
from fixative.postgres.operation_tables import DeadLetter
from fixative.postgres.tables import Attempt, Job, Owner


@pytest.fixture
def look(database):
    def read(job_id, owner_id=None):
        return glance_at(database, job_id, owner_id=owner_id)

    return read


@pytest.fixture
def running(database, submit):
    """A job with an attempt and a stored file."""
    job_id, attempt = submit(), uuid.uuid4()
    stored = {"id": uuid.uuid4(), "index": 0, "role": "original", "name": "a", "key": "k"}
    stored |= {"kind": "image", "content_type": "image/png", "bytes": 1, "sha256": "x"}
    with database.begin() as session:
        session.execute(insert(Attempt).values(id=attempt, job_id=job_id, number=1))
        session.execute(update(Job).values(attempt_id=attempt, status="processing"))
        session.execute(
            insert(Media).values(job_id=job_id, attempt_id=attempt, pointers=[], **stored)
        )
    return job_id


LETTER = {"id": uuid.uuid4(), "task": "t", "error_class": "E", "message": "m", "traceback": ""}
CHANGES = {
    "the job": lambda _: update(Job).values(waiting_reason="pace"),
    "its prediction": lambda _: update(Attempt).values(prediction={"logs": "half"}),
    "a file of it": lambda _: update(Media).values(width=10),
    "a dead letter": lambda job_id: insert(DeadLetter).values(
        job_id=job_id, arguments={}, **LETTER
    ),
    "for how long it is kept": lambda _: update(Owner).values(retention_days=3),
}


@pytest.mark.parametrize("what", CHANGES)
def test_whatever_is_shown_changes_it_and_it_is_the_same_until_then(database, look, running, what):
    before = look(running)
    assert look(running) == before
    with database.begin() as session:
        session.execute(CHANGES[what](running))

    assert look(running).digest != before.digest


def test_a_move_gives_it_a_larger_number(database, look, running, owner_id):
    before = look(running, owner_id)
    with database.begin() as session:
        move(session, running, "failed", cause="webhook")
    after = look(running, owner_id)

    assert after.number > before.number > 0
    assert (before.ended, after.ended, after.status) == (False, True, "failed")


def test_it_is_told_to_whom_the_job_is_shown(database, look, running):
    for job_id, owner in ((running, uuid.uuid4()), (uuid.uuid4(), None)):
        with pytest.raises(NotFound):
            look(job_id, owner)
    with database.begin() as session:
        move(session, running, "failed", cause="webhook")
        delete_job(session, get_job(session, running))
    with pytest.raises(Gone):
        look(running)


def test_it_is_asked_of_many_at_once_and_of_unknown_ids_in_vain(database, submit, running):
    other, unknown = submit(), uuid.uuid4()

    assert glance(database, [running, other, unknown]).keys() == {running, other}
