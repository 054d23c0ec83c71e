"""Jobs partitioned by month while a system runs: what was there stays, keys stay their owner's."""

import uuid
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from bench.history import LEAST, make_history
from fixative.access.owners import ensure_owner
from fixative.jobs.accept import JobRequest, accept
from fixative.jobs.delete import bury_jobs
from fixative.postgres.engine import Database
from fixative.postgres.tables import Job
from tests.by_month import convert

COUNTED = """
    SELECT count(*), count(idempotency_key), md5(string_agg(jobs::text, '' ORDER BY id)) FROM jobs
"""
REQUEST = JobRequest(model="black-forest-labs/flux-schnell", input={"prompt": "a cat"})


@pytest.fixture
def empty_by_month(unused_database_url):
    convert(unused_database_url, at_once=True)
    made = Database(unused_database_url.replace("://", "+psycopg://"), connections=8)
    with made.begin() as session:
        owner = ensure_owner(session, "tests").id
    yield made, owner
    made.close()


@pytest.mark.wide
def test_a_history_stays_as_it_is(unused_database_url):
    make_history(unused_database_url, LEAST)
    with psycopg.connect(unused_database_url) as connection:
        before = connection.execute(COUNTED).fetchone()

    convert(unused_database_url)

    with psycopg.connect(unused_database_url) as connection:
        assert connection.execute(COUNTED).fetchone() == before
        [keys] = connection.execute("SELECT count(*) FROM job_keys").fetchone()
        [unsure] = connection.execute(
            "SELECT count(*) FROM pg_constraint WHERE NOT convalidated"
        ).fetchone()
    assert keys == before[1]
    assert unsure == 0


@pytest.mark.wide
def test_jobs_of_different_months_lie_in_partitions_of_their_own_and_are_found(empty_by_month):
    database, owner = empty_by_month
    with database.begin() as session:
        made = accept(session, REQUEST, owner).job.id
    with database.begin() as session:
        place = session.connection().exec_driver_sql("SELECT tableoid::regclass::text FROM jobs")
        assert place.scalar_one() not in {"jobs_first", "jobs_later"}
        assert session.get_one(Job, made).owner_id == owner


@pytest.mark.wide
def test_of_many_with_one_key_at_once_one_is_made_and_a_buried_job_s_key_is_free(empty_by_month):
    database, owner = empty_by_month

    def submitted(_: object) -> uuid.UUID:
        with database.begin() as session:
            return accept(session, REQUEST, owner, idempotency_key="once").job.id

    with ThreadPoolExecutor(8) as pool:
        [first] = set(pool.map(submitted, range(32)))
    with database.begin() as session:
        session.connection().exec_driver_sql(
            "UPDATE jobs SET status = 'canceled', completed_at = now()"
        )
        assert bury_jobs(session, Job.id == first)
    second = submitted(None)

    assert second != first
    assert submitted(None) == second
