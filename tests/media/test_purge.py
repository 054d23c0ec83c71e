"""Deletion and retention: nothing is left of a job but what keeps it from coming back."""

import io
import json
import uuid
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from fixative.errors import Conflict, Gone
from fixative.jobs.delete import delete_job
from fixative.jobs.deliveries import read_delivery, receive
from fixative.jobs.glance import glance_at
from fixative.jobs.store import find_job, get_job
from fixative.media.bucket import Bucket
from fixative.media.keys import Keys
from fixative.media.reader import HashingReader
from fixative.names import DERIVE_MEDIA, PURGE_EXPIRED
from fixative.postgres.leases import MOST_CRASHES
from fixative.postgres.media_tables import File, Media
from fixative.postgres.tables import Attempt, Delivery, Job, Owner
from fixative.recovery.poll import ask_about
from fixative.recovery.sweep import sweep
from fixative.replicate.prediction import read_prediction
from fixative.settings import load_settings


@pytest.fixture
def stored(services, storing):
    """A finished job with everything that belongs to it."""

    def make(**request):
        job_id = storing(input={"prompt": "a secret"}, **request)
        services.storer.store(job_id)
        services.deriver.derive(job_id)
        services.recorder.record(job_id)
        return job_id

    return make


@pytest.fixture
def delete(database):
    def ask(job_id):
        with database.begin() as session:
            return delete_job(session, get_job(session, job_id))

    return ask


@pytest.fixture
def keys_of(services):
    """What the bucket holds of a job."""

    def listed(job_id):
        prefix = services.settings.s3_prefix
        return [found.key for found in services.bucket.listing(prefix) if str(job_id) in found.key]

    return listed


def test_a_deleted_job_leaves_a_tombstone_and_nothing_else(
    services, database, stored, delete, keys_of, read_job, attempts_of
):
    job_id = stored(metadata={"name": "of a person"}, label="secret")
    assert len(keys_of(job_id)) >= 3

    [hint] = delete(job_id)
    assert hint.task == PURGE_EXPIRED
    services.purger.purge()

    [tombstone] = keys_of(job_id)
    assert tombstone.endswith(f"deleted/{job_id}.json")
    attempt = attempts_of(job_id)[0]
    told = json.loads(services.bucket.read(tombstone))
    assert told["prediction_ids"] == [attempt.prediction_id]
    assert "secret" not in json.dumps(told)
    job = read_job(job_id)
    assert (job.input, job.metadata_, job.label, attempt.prediction) == ({}, None, None, None)
    assert job.purge_due_at is None
    with database.begin() as session:
        assert session.scalars(select(Media.id)).all() == []
        with pytest.raises(Gone):
            find_job(session, job_id, owner_id=None)


def test_an_unfinished_job_cannot_be_deleted(submit, delete, read_job):
    job_id = submit()

    with pytest.raises(Conflict):
        delete(job_id)

    assert read_job(job_id).deleted_at is None


def test_nothing_that_replicate_still_tells_brings_a_deleted_job_back(
    services, database, stored, delete, attempts_of, read_job
):
    job_id = stored()
    told = attempts_of(job_id)[0].prediction
    delete(job_id)

    ask_about(database, services.replicate, told["id"])
    with database.begin() as session:
        receive(session, "msg_late", read_prediction(told), job_id)
    read_delivery(database, "msg_late")

    job, attempt = read_job(job_id), attempts_of(job_id)[0]
    assert (job.status, job.input) == ("succeeded", {})
    assert set(attempt.prediction) == {"id", "status", "created_at"}
    with database.begin() as session:
        delivery = session.scalars(select(Delivery)).one()
    assert (delivery.result, set(delivery.prediction)) == ("deleted", set(attempt.prediction))


def test_what_is_derived_while_its_job_is_deleted_goes_with_it(
    services, database, storing, delete, keys_of, read_job
):
    job_id = storing()
    services.storer.store(job_id)
    deriver = replace(services.deriver, keys=_Deleting(services, delete, job_id))

    deriver.derive(job_id)
    services.recorder.record(job_id)
    services.purger.purge()

    assert [key.rpartition("/")[2] for key in keys_of(job_id)] == [f"{job_id}.json"]
    job = read_job(job_id)
    assert (job.purge_due_at, job.record_due_at, job.derive_due_at) == (None, None, None)


def test_what_is_written_under_a_lease_that_has_ended_goes_with_its_job(
    services, database, stored, delete, keys_of
):
    job_id = stored()
    with database.begin() as session:
        session.execute(update(Job).values(record_due_at=func.now()))

    def meanwhile():
        with database.begin() as session:
            session.execute(update(Job).values(lease_until=None, lease_token=Job.lease_token + 1))
        delete(job_id)
        services.purger.purge()

    replace(services.recorder, bucket=_Slow(services.bucket, meanwhile)).record(job_id)
    assert any(key.endswith("metadata.json") for key in keys_of(job_id))
    services.purger.purge()

    assert [key.rpartition("/")[2] for key in keys_of(job_id)] == [f"{job_id}.json"]


def test_a_deleted_job_is_derived_from_no_more(services, database, storing, delete, keys_of):
    job_id = storing()
    services.storer.store(job_id)
    delete(job_id)
    with database.begin() as session:
        session.execute(update(Job).values(derive_due_at=func.now()))

    assert services.deriver.derive(job_id) == []
    assert DERIVE_MEDIA not in {hint.task for hint in sweep(database, {})}


def test_a_purge_that_kills_its_workers_is_tried_again_and_not_forgotten(
    services, database, stored, delete, keys_of
):
    job_id = stored()
    delete(job_id)
    with database.begin() as session:
        session.execute(update(Job).values(crashes=MOST_CRASHES))
    assert services.purger.purge() == 0

    sweep(database, {})
    with database.begin() as session:
        session.execute(update(Job).values(purge_due_at=func.now()))

    assert services.purger.purge() == 1
    assert len(keys_of(job_id)) == 1


def test_what_was_stored_under_another_prefix_goes_too(services, stored, delete):
    job_id = stored()
    delete(job_id)

    replace(services.purger, keys=Keys("elsewhere", "")).purge()

    left = [found.key for found in services.bucket.listing("") if str(job_id) in found.key]
    assert left == [f"elsewhere/deleted/{job_id}.json"]


def test_a_bucket_that_is_away_removes_later(environ, services, stored, delete, keys_of, read_job):
    job_id = stored()
    delete(job_id)
    away = Bucket(load_settings({**environ, "S3_ENDPOINT_URL": "http://127.0.0.1:9"}))

    assert replace(services.purger, bucket=away).purge() == 0
    away.close()

    assert read_job(job_id).purge_due_at is not None
    with services.database.begin() as session:
        session.execute(update(Job).values(purge_due_at=func.now()))
    assert services.purger.purge() == 1
    assert len(keys_of(job_id)) == 1


def test_jobs_are_kept_for_as_many_days_as_their_owner_or_the_setting_says(
    services, database, stored, owner_id, read_job
):
    old, new = stored(), stored()
    days = dict.fromkeys((old, new), 0) | {old: 8, new: 2}
    with database.begin() as session:
        for job_id, ago in days.items():
            earlier = {"completed_at": func.now() - timedelta(days=ago)}
            session.execute(update(Job).where(Job.id == job_id).values(earlier))

    shown = services.purger.last_shown
    shown.keep(glance_at(database, old, owner_id=None), b"{}", at=1.0)
    assert services.purger.purge() == 0  # no retention: for good
    assert replace(services.purger, retention_days=7).purge() == 1
    assert (read_job(old).deleted_at is None, read_job(new).deleted_at is None) == (False, True)
    assert shown.find(old).job is None
    with database.begin() as session:
        session.execute(update(Owner).where(Owner.id == owner_id).values(retention_days=1))
    assert services.purger.purge() == 1
    assert read_job(new).deleted_at is not None


def test_an_upload_that_was_announced_and_never_came_is_forgotten(services, database, owner_id):
    def announced(**age):
        return File(
            id=uuid.uuid4(),
            owner_id=owner_id,
            name="a.png",
            key=f"{services.settings.s3_prefix}/inputs/{uuid.uuid4()}/a.png",
            content_type="image/png",
            bytes=3,
            created_at=func.now() - timedelta(**age),
        )

    young, old, come = announced(hours=1), announced(hours=25), announced(hours=25)
    services.bucket.put(come.key, io.BytesIO(b"abc"), "image/png")
    with database.begin() as session:
        session.add_all([young, old, come])

    services.purger.purge()

    with database.begin() as session:
        assert set(session.scalars(select(File.id))) == {young.id, come.id}
        assert session.get_one(File, come.id).stored_at is not None
    assert services.bucket.head(come.key)


def test_an_input_file_is_kept_for_so_long_after_it_was_sent_last(services, database, owner_id):
    source = HashingReader(iter([b"abc"]))
    file = services.files.store(services.files.announce(owner_id, "a.png", "image/png"), source)
    with database.begin() as session:
        session.execute(update(File).values(used_at=func.now() - timedelta(days=8)))
    purger = replace(services.purger, retention_days=7)

    services.files.used(file)
    purger.purge()
    assert services.files.find(file.id).bytes == 3

    with database.begin() as session:
        session.execute(update(File).values(used_at=func.now() - timedelta(days=8)))
    purger.purge()
    assert services.files.get(file.id) is None
    assert services.bucket.head(file.key) is None


def test_a_deleted_job_frees_its_idempotency_key(database, stored, delete, read_job):
    job_id = stored()
    with database.begin() as session:
        session.execute(update(Job).values(idempotency_key="once"))

    delete(job_id)

    assert read_job(job_id).idempotency_key is None


def test_an_attempt_that_is_paid_for_twice_is_still_cancelled_after_the_deletion(
    database, stored, delete
):
    job_id = stored()
    delete(job_id)
    with database.begin() as session:
        session.execute(update(Attempt).values(outcome="duplicate"))
        attempt = session.scalars(select(Attempt)).one()
        running = {"id": attempt.prediction_id, "status": "processing"}
        raw = {**running, "created_at": "2026-01-01T00:00:00Z"}

    with database.begin() as session:
        receive(session, "msg_dup", read_prediction(raw), job_id)
    [hint] = read_delivery(database, "msg_dup")

    with database.begin() as session:
        kept = session.scalars(select(Delivery.prediction)).one()
    assert set(kept) == {"id", "status", "created_at"}
    assert hint.arguments == {"job_id": str(job_id)}


class _Slow:
    """A bucket whose puts are overtaken by all that happens meanwhile."""

    def __init__(self, bucket, meanwhile):
        self._bucket = bucket
        self._meanwhile = meanwhile

    def put(self, *arguments):
        self._meanwhile()
        self._bucket.put(*arguments)


class _Deleting:
    """Keys that have the job deleted just before the first thing derived from it is uploaded."""

    def __init__(self, services, delete, job_id):
        self._services, self._delete, self._job_id = services, delete, job_id

    def key(self, job, name):
        with self._services.database.begin() as session:
            deleted = session.get_one(Job, self._job_id).deleted_at
        if deleted is None:
            self._delete(self._job_id)
        return self._services.keys.key(job, name)
