"""A retried job has ended twice, and is written down twice: what counts is its last end."""

import json
import uuid
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import delete, select, update

from fixative.jobs.delete import delete_job
from fixative.jobs.retry import retry
from fixative.jobs.store import error_of, get_job, move
from fixative.media.manifest import NAME
from fixative.postgres.tables import Attempt, Batch, Job, Transition

A_DAY = timedelta(days=1)


@pytest.fixture
def yesterday(database):
    """What has happened to a job so far, it did a day ago."""

    def put_back(job_id):
        with database.begin() as session:
            ended = {"completed_at": Job.completed_at - A_DAY, "record_due_at": Job.updated_at}
            session.execute(update(Job).where(Job.id == job_id).values(ended))
            moves = update(Transition).where(Transition.job_id == job_id)
            session.execute(moves.values(at=Transition.at - A_DAY))

    return put_back


@pytest.fixture
def ended_twice(services, database, storing, yesterday):
    """A job that could not be stored yesterday and was retried today, all of it recorded."""

    def make(**request):
        job_id = storing(**request)
        with database.begin() as session:
            move(session, job_id, "failed", cause="task", error=error_of("internal", "it broke"))
        yesterday(job_id)
        services.recorder.record(job_id)
        with database.begin() as session:
            retry(session, job_id, cause="api")
        services.storer.store(job_id)
        services.deriver.derive(job_id)
        services.recorder.record(job_id)
        return job_id

    return make


@pytest.mark.parametrize("archived", [False, True], ids=["loose", "archived"])
def test_of_two_records_the_later_end_comes_back(
    services, ended_twice, forgotten, rebuild, digest, output_dir, archived, read_job
):
    job_id = ended_twice()
    assert len(list(output_dir.glob(f"daily/*/processed/{job_id}.json"))) == 2
    if archived:
        replace(services.archives, archive_days=1).tend()
    before = digest()
    forgotten()

    report = rebuild(("records",))

    assert digest() == before
    assert report.brought_back["records"] >= 1
    assert rebuild(("records",)).brought_back["records"] == 0
    assert read_job(job_id).status == "succeeded"


@pytest.mark.parametrize("source", ["bucket", "records"])
def test_an_end_that_an_older_backup_has_gives_way_to_the_one_after_the_retry(
    database, ended_twice, rebuild, digest, source
):
    ended_twice()
    before = digest()
    with database.begin() as session:
        earlier = {"status": "failed", "completed_at": Job.completed_at - A_DAY}
        session.execute(update(Job).values(earlier))

    rebuild((source,))

    assert digest() == before


@pytest.mark.parametrize("source", ["bucket", "records"])
def test_a_retry_that_is_under_way_gives_way_to_nothing_that_was_written_before_it(
    services, database, submit, rebuild, read_job, attempts_of, source
):
    job_id = submit()
    services.submitter.submit(job_id)
    with database.begin() as session:
        move(session, job_id, "failed", cause="poll")
        ended = {"prediction_status": "failed"}
        session.execute(update(Attempt).values(ended))
    services.recorder.record(job_id)
    with database.begin() as session:
        retry(session, job_id, cause="api", pay_again=True)
    services.submitter.submit(job_id)

    rebuild((source,))

    assert read_job(job_id).completed_at is None
    assert [attempt.number for attempt in attempts_of(job_id)] == [1, 2]


def test_the_records_of_every_end_go_with_a_deleted_job(
    services, database, ended_twice, output_dir
):
    job_id = ended_twice()
    with database.begin() as session:
        delete_job(session, get_job(session, job_id))

    assert services.purger.purge() == 1

    assert [path for path in output_dir.rglob("*.json") if path.is_file()] == []


def test_a_batch_comes_back_with_its_jobs(services, database, ended, forgotten, rebuild, read_job):
    job_id, _ = ended()
    batch_id = uuid.uuid4()
    with database.begin() as session:
        session.execute(update(Job).values(batch_id=batch_id, record_due_at=Job.updated_at))
    services.recorder.record(job_id)
    manifest = json.loads(services.bucket.read(services.keys.key(read_job(job_id), NAME)))
    assert manifest["job"]["batch_id"] == str(batch_id)
    forgotten()

    rebuild(("bucket",))

    with database.begin() as session:
        batch = session.scalars(select(Batch)).one()
        session.execute(delete(Batch))
    assert (batch.id, batch.owner_id) == (batch_id, read_job(job_id).owner_id)
    assert read_job(job_id).batch_id == batch_id
