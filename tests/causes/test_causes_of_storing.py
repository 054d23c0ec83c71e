"""Faults of files, buckets, workers and subscribers; the job's timeline names the true one."""

from dataclasses import replace

import pytest
from sqlalchemy import func, update

from fixative.errors import BucketError
from fixative.jobs.dead_letters import bury
from fixative.media.bucket import Bucket
from fixative.names import STORE_OUTPUTS
from fixative.postgres.leases import take
from fixative.postgres.tables import Attempt, Job
from fixative.settings import load_settings

pytestmark = pytest.mark.wide


@pytest.fixture
def away(environ):
    """A bucket at an address where nobody listens."""
    bucket = Bucket(load_settings({**environ, "S3_ENDPOINT_URL": "http://127.0.0.1:9"}))
    yield bucket
    bucket.close()


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        pytest.param(
            "output_truncated", ("cut after", "reset by peer"), id="a download that is reset"
        ),
        pytest.param(
            "output_cut", ("cut after", "peer closed"), id="a download that ends half-way"
        ),
        pytest.param("output_fails_once", ("503",), id="a host that is busy"),
    ],
)
def test_a_file_that_does_not_come_whole(services, storing, faulty, names, fault, words):
    job_id = storing()
    faulty(fault)
    services.storer.store(job_id)

    names(job_id, "put_off", "store", "again in 4 s", *words)


def test_a_file_that_is_gone(services, storing, faulty, names):
    job_id = storing()
    faulty("output_gone")
    services.storer.store(job_id)

    names(job_id, "failed", "output_expired", "404")


def test_an_output_that_replicate_removed_before_anybody_saw_it(
    services, storing, database, attempts_of, names
):
    job_id = storing()
    removed = {**attempts_of(job_id)[0].prediction, "output": None, "data_removed": True}
    with database.begin() as session:
        session.execute(update(Attempt).values(prediction=removed))
    services.storer.store(job_id)

    names(job_id, "failed", "output_expired", "removed the output before it was seen")


def test_a_file_that_is_larger_than_it_may_be(services, storing, names):
    job_id = storing("emulator/bytes", input={"bytes": 1001})
    small = type(services.fetcher)(services.fetcher.allowed, 1000)
    replace(services.storer, fetcher=small).store(job_id)

    names(job_id, "failed", "output_too_large")


def test_a_file_that_lies_elsewhere(services, storing, names):
    url = "https://example.org/a.png"
    job_id = storing("emulator/echo", input={"value": {"see": url}})
    services.storer.store(job_id)

    names(job_id, "warning", f"not stored, since it lies elsewhere: {url}")


def test_a_bucket_that_is_away(services, storing, away, names):
    job_id = storing()
    replace(services.storer, bucket=away).store(job_id)

    names(job_id, "put_off", "store", "Could not connect to the endpoint")


def test_a_bucket_that_is_away_while_thumbnails_are_made(services, storing, away, names):
    job_id = storing()
    services.storer.store(job_id)
    replace(services.deriver, bucket=away).derive(job_id)

    names(job_id, "put_off", "derive", "Could not connect to the endpoint")


def test_a_bucket_that_is_away_when_the_manifest_is_to_be_written(services, storing, away, names):
    job_id = storing()
    services.storer.store(job_id)
    with pytest.raises(BucketError):
        replace(services.recorder, bucket=away).record(job_id)

    names(job_id, "put_off", "record", "Could not connect to the endpoint")


def test_a_picture_that_cannot_be_decoded(services, storing, names):
    broken = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAA"
    job_id = storing("emulator/echo", input={"value": broken})
    services.storer.store(job_id)
    services.deriver.derive(job_id)

    names(job_id, "warning", "not derived", "original.png")


def test_a_worker_that_was_killed_while_it_stored(services, storing, database, names):
    job_id = storing()
    with database.begin() as session:
        take(session, job_id)
        session.execute(update(Job).values(lease_until=func.now()))
    services.storer.store(job_id)

    names(job_id, "lost", "its worker never came back, 1 of at most 10")


def test_a_task_that_was_given_up(database, storing, names):
    job_id = storing()
    with database.begin() as session:
        bury(session, STORE_OUTPUTS, {"job_id": str(job_id)}, ValueError("not our day"))

    names(job_id, "dead_letter", STORE_OUTPUTS, "ValueError: not our day")
