"""The audit finds what does not agree, and nothing else."""

import io

import pytest
from sqlalchemy import select, update

from fixative.jobs.delete import delete_job
from fixative.jobs.store import get_job
from fixative.media.audit import Audit, audit
from fixative.postgres.engine import Database
from fixative.postgres.media_tables import Media


@pytest.fixture
def audited(services):
    def run():
        database = Database(services.settings.sqlalchemy_url, connections=1)
        try:
            return audit(database, services.bucket, services.keys)
        finally:
            database.close()

    return run


@pytest.fixture
def stored(services, storing):
    def make():
        job_id = storing()
        services.storer.store(job_id)
        services.deriver.derive(job_id)
        services.recorder.record(job_id)
        return job_id

    return make


def test_a_bucket_in_order_is_clean(services, database, stored, storing, audited, submit):
    stored()
    deleted = stored()
    with database.begin() as session:
        delete_job(session, get_job(session, deleted))
    services.purger.purge()
    submit()

    found = audited()

    assert found.clean, found
    assert found.objects >= 3
    assert audited() == found


def test_an_object_of_a_job_that_is_under_way_is_no_orphan(services, storing, audited, read_job):
    job_id = storing()
    key = services.keys.key(read_job(job_id), "original.webp")
    services.bucket.put(key, io.BytesIO(b"x"), "image/webp")

    assert audited().clean


def test_what_does_not_agree_is_named(services, database, stored, audited, read_job):
    first, second, third = stored(), stored(), stored()
    orphan = services.keys.key(read_job(first), "nobody.png")
    services.bucket.put(orphan, io.BytesIO(b"x"), "image/png")
    tombstone = f"{services.keys.root}deleted/nobody.json"
    services.bucket.put(tombstone, io.BytesIO(b"x"), "application/json")
    manifest = services.keys.key(read_job(second), "metadata.json")
    services.bucket.delete([manifest])
    with database.begin() as session:
        cut = select(Media.key).where(Media.job_id == third, Media.role == "original")
        key = session.scalars(cut).one()
        session.execute(update(Media).where(Media.key == key).values(bytes=1))

    found = audited()

    assert found == Audit(found.objects, sorted([orphan, tombstone]), [manifest], [key])
    assert not found.clean
