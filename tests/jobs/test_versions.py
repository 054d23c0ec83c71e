"""A job's version is another whenever the job may look otherwise."""

import uuid

import pytest
from sqlalchemy import update

from fixative.jobs.store import move
from fixative.jobs.versions import versions_of
from fixative.postgres.tables import Attempt, Job


@pytest.fixture
def version_of(database):
    def read(job_id):
        with database.begin() as session:
            return versions_of(session, [job_id])[job_id]

    return read


@pytest.fixture
def running(database, submit):
    """A job with an attempt."""
    job_id, attempt = submit(), uuid.uuid4()
    with database.begin() as session:
        session.add(Attempt(id=attempt, job_id=job_id, number=1))
        session.execute(update(Job).values(attempt_id=attempt, status="processing"))
    return job_id


def test_it_is_the_same_until_something_is_written(version_of, running):
    assert version_of(running) == version_of(running)


def test_a_move_and_news_of_the_prediction_each_change_it(database, version_of, running):
    before = version_of(running)
    with database.begin() as session:
        session.execute(update(Attempt).values(prediction={"logs": "half"}))
    told = version_of(running)
    with database.begin() as session:
        move(session, running, "failed", cause="webhook")
    moved = version_of(running)

    assert len({before, told, moved}) == 3
    assert (before.ended, told.ended, moved.ended, moved.status) == (False, False, True, "failed")


def test_it_is_asked_of_many_at_once_and_of_unknown_ids_in_vain(database, submit, running):
    other, unknown = submit(), uuid.uuid4()
    with database.begin() as session:
        assert versions_of(session, [running, other, unknown]).keys() == {running, other}
