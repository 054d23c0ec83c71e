"""A rebuilt database has what was written elsewhere of its jobs, and says what nobody wrote."""

import uuid

import pytest
from sqlalchemy import delete, insert, select, update

from fixative.errors import Conflict
from fixative.media.audit import audit
from fixative.media.manifest import OF_THE_MOMENT, row_of
from fixative.postgres.media_tables import Media
from fixative.postgres.operation_tables import Pause, WorkerProcess
from fixative.postgres.tables import Attempt, Job
from fixative.recovery.recover import recover
from fixative.recovery.standstill import standing_still


def test_ended_jobs_come_back_from_the_bucket_to_the_byte_and_again_is_no_harm(
    ended, forgotten, rebuild, digest, alone, services
):
    ended(metadata={"of": "the caller"})
    ended(model="meta/meta-llama-3-8b-instruct", label="words")
    before = digest()
    forgotten()
    assert digest().jobs == 0

    first, again = rebuild(), rebuild()

    assert digest() == before
    assert (first.brought_back["bucket"], again.brought_back["bucket"]) == (2, 0)
    assert (again.there_already["bucket"], first.there_already["records"]) == (2, 4)
    assert (first.brought_back["records"], first.brought_back["replicate"]) == (0, 0)
    assert audit(alone, services.bucket, services.keys).clean


def test_nothing_is_submitted_after_a_rebuild_before_recover_and_none_runs_beside_workers(
    database, rebuild
):
    rebuild()
    with database.begin() as session:
        assert session.scalar(select(Pause.scope)) == "restored"
        session.execute(insert(WorkerProcess).values(name="worker-io@here", pid=1))

    with pytest.raises(Conflict, match="worker-io@here"):
        rebuild()


def test_a_rebuild_runs_beside_no_other_and_no_recover(database, services, rebuild):
    with standing_still(database):
        with pytest.raises(Conflict, match="another"):
            rebuild()
        with pytest.raises(Conflict, match="another"):
            recover(database, services.replicate, services.epoch)

    rebuild()
    recover(database, services.replicate, services.epoch)


def test_every_field_that_came_back_says_from_where(
    ended, submit, services, forgotten, rebuild, put, add_history, all_jobs
):
    (done, _), waiting = ended(), submit()
    gone = "0190163d-8694-739b-aea5-966c26f8ad91"
    put(f"{services.keys.tombstones}{gone}.json", b"{}")
    services.records.record_accepted()
    add_history(1)
    forgotten()

    rebuild()

    jobs = {job.id: job for job in all_jobs()}
    assert jobs.pop(uuid.UUID(gone)).provenance == {"id": "bucket"}
    of_the_moment = OF_THE_MOMENT | {"provenance"}
    for job_id, source in (done, "bucket"), (waiting, "records"):
        job = jobs.pop(job_id)
        told = {n for n in row_of(job) if n not in of_the_moment}
        assert job.provenance == dict.fromkeys(
            (*told, "attempts", "media", "files", "transitions", "notes"), source
        )
    assert jobs
    for job in jobs.values():
        assert set(job.provenance.values()) == {"replicate"}
        assert {"input", "status", "created_at", "attempts"} <= job.provenance.keys()


def test_a_job_that_an_older_backup_has_unfinished_gives_way_to_its_manifest(
    database, ended, rebuild, digest
):
    ended()
    before = digest()
    with database.begin() as session:
        session.execute(update(Job).values(status="queued", attempt_id=None, completed_at=None))
        session.execute(delete(Media))
        session.execute(delete(Attempt))

    rebuild()

    assert digest() == before
