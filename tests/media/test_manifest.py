"""The manifest: whatever ended, the bucket holds all that its rows say."""

import json

import pytest
from sqlalchemy import func, select, update

from fixative.errors import BucketError
from fixative.jobs.cancel import request_cancel
from fixative.jobs.ingest import ingest
from fixative.jobs.store import get_job
from fixative.media.bucket import Bucket
from fixative.media.manifest import NAME, Recorder
from fixative.names import RECORD_RESULT
from fixative.postgres.media_tables import Media
from fixative.postgres.tables import Attempt, Job, Transition
from fixative.recovery.sweep import sweep
from fixative.replicate.prediction import read_prediction
from fixative.settings import load_settings


@pytest.fixture
def manifest(services, read_job):
    """What the bucket holds of a job; None: nothing yet."""

    def read(job_id):
        key = services.keys.key(read_job(job_id), NAME)
        return json.loads(services.bucket.read(key)) if services.bucket.head(key) else None

    return read


def test_a_stored_job_can_be_made_again_from_its_manifest(
    services, database, storing, manifest, read_job
):
    job_id = storing(metadata={"of": "the caller"}, label="blue")
    services.storer.store(job_id)
    services.deriver.derive(job_id)

    services.recorder.record(job_id)

    told, job = manifest(job_id), read_job(job_id)
    assert (job.record_due_at, job.crashes) == (None, 0)
    assert told["format"] == 1
    assert told["job"]["id"] == str(job_id)
    assert (told["job"]["metadata"], told["job"]["label"]) == ({"of": "the caller"}, "blue")
    assert told["job"]["completed_at"] == job.completed_at.isoformat()
    with database.begin() as session:
        attempt = session.scalars(select(Attempt)).one()
        names = set(session.scalars(select(Media.name)))
        moves = list(session.scalars(select(Transition.to_status).order_by(Transition.id)))
    assert [row["prediction"] for row in told["attempts"]] == [attempt.prediction]
    assert {row["name"] for row in told["media"]} == names
    assert [row["to_status"] for row in told["transitions"]] == moves
    assert "lease_token" not in told["job"]


def test_a_job_that_never_ran_has_one_too(services, database, submit, manifest):
    job_id = submit()
    with database.begin() as session:
        request_cancel(session, get_job(session, job_id))

    services.recorder.record(job_id)

    assert manifest(job_id)["job"]["status"] == "canceled"


def test_an_unfinished_job_has_none(services, submit, manifest):
    job_id = submit()

    services.recorder.record(job_id)

    assert manifest(job_id) is None


def test_what_is_due_is_found_when_its_message_was_lost(services, database, storing):
    job_id = storing()
    services.storer.store(job_id)
    with database.begin() as session:
        values = {"hinted_at": func.now() - func.make_interval(0, 0, 0, 1), "derive_due_at": None}
        session.execute(update(Job).values(values))

    [hint] = sweep(database, {})

    assert (hint.task, hint.arguments) == (RECORD_RESULT, {"job_id": str(job_id)})


def test_a_bucket_that_is_away_leaves_it_due(environ, services, storing, read_job):
    job_id = storing()
    services.storer.store(job_id)
    away = Bucket(load_settings({**environ, "S3_ENDPOINT_URL": "http://127.0.0.1:9"}))
    recorder = Recorder(services.database, away, services.keys, services.leases, print)

    with pytest.raises(BucketError):
        recorder.record(job_id)
    away.close()

    job = read_job(job_id)
    assert job.record_due_at is not None
    assert (job.lease_until, job.crashes) == (None, 0)


def test_a_manifest_is_written_anew_when_something_is_told_of_the_job_after_its_end(
    services, database, storing, attempts_of, read_job, manifest
):
    job_id = storing()
    services.storer.store(job_id)
    services.recorder.record(job_id)
    told = {**attempts_of(job_id)[0].prediction, "metrics": {"predict_time": 12.5}}
    assert read_job(job_id).record_due_at is None

    with database.begin() as session:
        ingest(session, read_prediction(told), cause="poll")
    services.recorder.record(job_id)

    assert manifest(job_id)["attempts"][0]["prediction"]["metrics"] == {"predict_time": 12.5}
