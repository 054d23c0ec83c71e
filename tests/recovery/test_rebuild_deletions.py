"""What was deleted stays so through a rebuild, whatever else still tells of it."""

import pytest
from sqlalchemy import delete, func, insert, update
from uuid_utils.compat import uuid7

from fixative.errors import Gone
from fixative.jobs.ingest import ingest
from fixative.jobs.store import find_job
from fixative.media.audit import audit
from fixative.postgres.tables import Attempt, Job


def test_what_was_deleted_stays_deleted_and_no_history_brings_it_back(
    database, deleted, forgotten, rebuild, digest
):
    job_id, prediction = deleted()
    before = digest()
    forgotten()

    rebuild()

    assert digest() == before
    with database.begin() as session, pytest.raises(Gone):
        find_job(session, job_id, owner_id=None)
    with database.begin() as session:
        assert ingest(session, prediction, cause="sync").result == "deleted"


def test_a_deletion_that_is_younger_than_the_backup_is_done_again(
    services, database, ended, deleted, rebuild, read_job, alone
):
    job_id, prediction = deleted()
    with database.begin() as session:  # as an older backup has it: ended, or not even that
        session.execute(update(Job).values(status="processing", deleted_at=None, completed_at=None))

    rebuild()
    services.purger.purge()

    assert read_job(job_id).deleted_at is not None
    with database.begin() as session:
        assert ingest(session, prediction, cause="sync").result == "deleted"
    assert audit(alone, services.bucket, services.keys).clean


def test_what_was_imported_of_a_deleted_job_meanwhile_is_deleted_too(
    database, deleted, forgotten, rebuild, read_job, submit, owner_id
):
    _, prediction = deleted()
    forgotten()
    rebuild(sources=())  # for the owners
    with database.begin() as session:
        session.execute(delete(Job))
    stranger = submit()
    with database.begin() as session:
        ended = {"status": "failed", "completed_at": func.now(), "source": "sync"}
        session.execute(update(Job).values(ended))
        made = {"job_id": stranger, "number": 1, "prediction_id": prediction.id}
        session.execute(insert(Attempt).values(id=uuid7(), outcome="created", **made))

    rebuild()

    assert read_job(stranger).deleted_at is not None


def test_a_tombstone_that_cannot_be_read_is_named_and_buries_its_job_all_the_same(
    services, database, ended, forgotten, rebuild, put, read_job, problems
):
    job_id, _ = ended()
    tombstone = f"{services.keys.tombstones}{job_id}.json"
    put(tombstone, b"{")
    forgotten()

    report = rebuild()

    assert ("tombstones: unreadable", tombstone) in problems(report)
    assert read_job(job_id).deleted_at is not None


def test_what_a_purge_had_left_of_a_deleted_job_goes(
    services, deleted, forgotten, rebuild, put, key_of, problems
):
    job_id, _ = deleted()
    left = key_of(job_id, "original.webp")
    put(left, b"left")
    forgotten()

    report = rebuild()

    assert services.bucket.head(left) is None
    assert problems(report) <= {
        ("owners: unreadable", services.keys.config("owners.json")),
        ("keys: unreadable", services.keys.config("keys.json")),
    }
