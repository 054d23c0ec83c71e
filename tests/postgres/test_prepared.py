"""Prepared statements: run by psycopg, and the same to whoever runs them as by SQLAlchemy."""

from datetime import timedelta

import pytest
from sqlalchemy import bindparam, func, insert, inspect, select, text, update
from sqlalchemy.exc import DataError, IntegrityError, OperationalError
from uuid_utils.compat import uuid7

from fixative.errors import DatabaseAway
from fixative.postgres.base import among
from fixative.postgres.prepared import Prepared, whole
from fixative.postgres.tables import Job, Owner

RUNS = range(3)  # SQLAlchemy runs it first, then psycopg, which prepares it


def test_a_snapshot_has_the_rows_every_column_and_is_of_no_session(database, submit):
    job_id = submit(metadata={"a": ["%", None]})
    find = Prepared(select(*whole(Job)).where(Job.id == bindparam("its_id")), Job)

    for _ in RUNS:
        with database.begin() as session:
            found = find.first(session, its_id=job_id)
            row = session.get(Job, job_id)
            assert found is not row
            assert all(
                getattr(found, each.key) == getattr(row, each.key) for each in inspect(Job).attrs
            )
            found.status = "failed"

    with database.begin() as session:
        assert session.get(Job, job_id).status == "queued"
        assert find.first(session, its_id=session.get(Job, job_id).owner_id) is None


def test_of_two_kinds_and_more_a_row_is_a_tuple(database, submit, owner_id):
    job_id = submit()
    both = select(*whole(Owner, Job), func.now() > Job.created_at).join(Job)
    find = Prepared(both.where(Job.id == bindparam("its_id")), Owner, Job)

    for _ in RUNS:
        with database.begin() as session:
            [(owner, job, is_older)] = find.all(session, its_id=job_id)
        assert (owner.id, job.id, is_older) == (owner_id, job_id, True)


def test_what_stands_in_it_stays_and_what_is_given_is_told_as_its_type(database, submit):
    job_id = submit()
    change = Prepared(
        update(Job)
        .where(
            Job.id == bindparam("its_id"),
            Job.source.in_(("api", "v1")),
            among(Job.status, "queued", "storing"),
            Job.tries < 5,
        )
        .values(metadata_=bindparam("told"), next_attempt_at=func.now() + timedelta(hours=1))
        .returning(Job.metadata_.label("told"), Job.next_attempt_at > func.now())
    )

    for told in ({"100 %": 1}, None, {"nested": [{}]}):
        with database.begin() as session:
            found = change.first(session, its_id=job_id, told=told)
        assert tuple(found) == (told, True)
        assert found.told == told


def test_what_finds_nothing_answers_nothing(database):
    remember = Prepared(insert(Owner).inline())
    with database.begin() as session:
        found = [remember.all(session, id=uuid7(), name=str(each)) for each in RUNS]
        assert session.scalars(select(Owner.name).where(Owner.name.in_([*"012"]))).all() == [*"012"]
    assert found == [[], [], []]


def test_its_errors_are_sqlalchemys_and_hide_what_was_sent(database, owner_id):
    remember = Prepared(insert(Owner).inline())
    with database.begin() as session:
        remember.all(session, id=uuid7(), name="first")

    with pytest.raises(IntegrityError), database.begin() as session:
        remember.all(session, id=uuid7(), name="first")
    with pytest.raises(DataError) as no_text, database.begin() as session:
        remember.all(session, id=uuid7(), name="se\0cret")
    with pytest.raises(KeyError, match="id"), database.begin() as session:
        remember.all(session)

    assert "cret" not in str(no_text.value)
    with database.begin() as session:
        assert session.get(Owner, owner_id) is not None


def test_a_lock_that_is_not_had_in_time_is_an_operational_error(database, submit):
    job_id = submit()
    lock = Prepared(select(Job.id).where(Job.id == bindparam("its_id")).with_for_update())

    def lock_soon():
        with database.begin() as session:
            session.execute(text("SET LOCAL lock_timeout = '50ms'"))
            lock.all(session, its_id=job_id)

    with database.begin() as session:
        lock.all(session, its_id=job_id)
        with pytest.raises(DatabaseAway) as away:
            lock_soon()
    assert isinstance(away.value.__cause__, OperationalError)


def test_one_that_is_cut_off_is_told_as_away_and_its_connection_is_replaced(single, cut_off):
    who = Prepared(select(func.pg_backend_pid().label("pid")))

    def backend():
        with single.begin() as session:
            return who.first(session).pid

    cut = backend()
    cut_off(cut)
    with pytest.raises(DatabaseAway):
        backend()

    assert backend() != cut
