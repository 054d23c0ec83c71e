"""A rebuilt database has what was written elsewhere of its jobs, and says what nobody wrote."""

import io
import json
from datetime import timedelta

import pytest
from sqlalchemy import delete, func, insert, select, update
from uuid_utils.compat import uuid7

from fixative.errors import Conflict, Gone
from fixative.jobs.delete import delete_job
from fixative.jobs.ingest import ingest
from fixative.jobs.store import find_job, get_job
from fixative.media.audit import audit
from fixative.media.files import Files
from fixative.media.manifest import NAME, as_json, manifest_of
from fixative.media.reader import HashingReader
from fixative.postgres.engine import Database
from fixative.postgres.media_tables import File, Media
from fixative.postgres.operation_tables import Pause, WorkerProcess
from fixative.postgres.tables import Attempt, Job
from fixative.recovery.digest import digest_of
from fixative.recovery.export import export
from fixative.recovery.rebuild import Rebuilder
from fixative.recovery.rebuild_report import Report
from fixative.recovery.rebuild_sources import ORDER
from fixative.recovery.recover import recover
from fixative.replicate.prediction import read_prediction


@pytest.fixture
def alone(settings):
    database = Database(settings.sqlalchemy_url, connections=1)
    yield database
    database.close()


@pytest.fixture
def rebuild(services, alone, history, tmp_path):
    """Rebuild as the command does; the report."""

    def run(sources=ORDER, **more):
        report = Report(say=lambda _: None)
        parts = {name: getattr(services, name) for name in ("database", "bucket", "keys", "epoch")}
        rebuilder = Rebuilder(**parts, alone=alone, history=history, records=tmp_path, **more)
        rebuilder.rebuild(sources, report)
        return report

    return run


@pytest.fixture
def digest(database):
    return lambda: digest_of(export(database))


@pytest.fixture
def deleted(services, database, ended):
    """A job that was deleted and purged; its id and its prediction as Replicate has it."""

    def make():
        job_id, manifest = ended()
        with database.begin() as session:
            delete_job(session, get_job(session, job_id))
        assert services.purger.purge() == 1
        return job_id, read_prediction(
            services.replicate.get(manifest["attempts"][0]["prediction_id"])
        )

    return make


@pytest.fixture
def put(services):
    return lambda key, content: services.bucket.put(key, io.BytesIO(content), "application/json")


@pytest.fixture
def key_of(services, read_job):
    return lambda job_id, name=NAME: services.keys.key(read_job(job_id), name)


def problems(report):
    return {(problem.kind, problem.name) for problem in report.problems}


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
    assert again.there_already == 2
    assert (set(first.not_asked), first.brought_back["replicate"]) == ({"records"}, 0)
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
        session.execute(update(Job).values(status="failed", completed_at=func.now()))
        made = {"job_id": stranger, "number": 1, "prediction_id": prediction.id}
        session.execute(insert(Attempt).values(id=uuid7(), outcome="created", **made))

    rebuild()

    assert read_job(stranger).deleted_at is not None


def test_a_tombstone_that_cannot_be_read_is_named_and_buries_its_job_all_the_same(
    services, database, ended, forgotten, rebuild, put, read_job
):
    job_id, _ = ended()
    tombstone = f"{services.keys.tombstones}{job_id}.json"
    put(tombstone, b"{")
    forgotten()

    report = rebuild()

    assert ("tombstones: unreadable", tombstone) in problems(report)
    assert read_job(job_id).deleted_at is not None


def test_what_a_purge_had_left_of_a_deleted_job_goes(
    services, deleted, forgotten, rebuild, put, key_of
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


@pytest.mark.parametrize("broken", [b"", b"{", b"[]", b'{"format": 1, "job": {}}', b"\xff\xfe\x00"])
def test_a_manifest_that_cannot_be_read_is_named_and_the_others_come_back(
    ended, forgotten, rebuild, put, key_of, read_job, broken, database
):
    (good, _), (bad, _) = ended(), ended()
    key = key_of(bad)
    forgotten()
    put(key, broken)

    report = rebuild()

    assert read_job(good).status == "succeeded"
    assert ("bucket: unreadable", key) in problems(report)
    assert ("jobs: unknown", str(bad)) in problems(report)


def test_a_manifest_whose_values_no_table_takes_is_named_too(
    ended, forgotten, rebuild, put, key_of, read_job
):
    (good, _), (bad, manifest) = ended(), ended()
    key = key_of(bad)
    forgotten()
    manifest["job"]["status"] = "splendid"
    put(key, json.dumps(manifest).encode())

    report = rebuild()

    assert read_job(good).status == "succeeded"
    assert ("bucket: refused", key) in problems(report)


def test_objects_that_are_missing_or_cut_are_named_and_their_job_is_kept(
    services, ended, forgotten, rebuild, put, key_of, read_job
):
    job_id, manifest = ended()
    names = {row["role"]: row["key"] for row in manifest["media"]}
    services.bucket.delete([names["original"]])
    put(names["thumbnail"], b"cut")
    forgotten()

    report = rebuild()

    assert read_job(job_id).status == "succeeded"
    assert {
        ("media: missing", names["original"]),
        ("media: of another size", names["thumbnail"]),
    } <= (problems(report))


def test_a_record_brings_back_what_has_no_manifest_which_is_then_written_again(
    services, ended, forgotten, rebuild, tmp_path, key_of, digest, alone
):
    job_id, manifest = ended()
    before = digest()
    services.bucket.delete([key_of(job_id)])
    record(tmp_path, "processed", job_id, manifest)
    forgotten()

    report = rebuild()
    assert report.brought_back["records"] == 1
    assert digest() == before
    services.recorder.record(job_id)
    assert audit(alone, services.bucket, services.keys).clean


def test_what_had_only_been_accepted_comes_back_unfinished_and_an_end_goes_before_it(
    database, submit, ended, forgotten, rebuild, read_job, tmp_path
):
    waiting, (done, manifest) = submit(), ended()
    with database.begin() as session:
        row = manifest_of(session, get_job(session, waiting))
    record(tmp_path, "accepted", waiting, row)
    accepted = {**manifest["job"], "status": "queued", "completed_at": None, "attempt_id": None}
    of_done = {**manifest, "job": accepted, "attempts": [], "media": []}
    record(tmp_path, "accepted", done, of_done)
    record(tmp_path, "processed", done, manifest)
    forgotten()

    report = rebuild(sources=("records",))

    assert (read_job(waiting).status, read_job(done).status) == ("queued", "succeeded")
    assert read_job(waiting).provenance["input"] == "records"
    assert report.unfinished == 1


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


def test_a_record_that_holds_no_manifest_or_is_named_otherwise_is_named(
    rebuild, tmp_path, submit, forgotten
):
    job_id = submit()
    forgotten()
    record(tmp_path, "processed", job_id, None)
    record(tmp_path, "processed", "job_17", None)
    (tmp_path / "daily/2026-01-02/accepted").mkdir()

    report = rebuild(sources=("records",))

    named = {(kind, name.rpartition("/")[2]) for kind, name in problems(report)}
    kind = "records: unreadable"
    assert {(kind, f"{job_id}.json"), (kind, "job_17.json")} <= named


def test_uploads_that_no_job_knows_get_their_row_again(
    services, database, owner_id, forgotten, rebuild
):
    files = Files(database, services.bucket, services.keys)
    file = files.announce(owner_id, "a cat.png", "image/png")
    file = files.store(file, HashingReader(iter([b"bytes of a cat"])))
    forgotten()

    report = rebuild()

    with database.begin() as session:
        again = session.get_one(File, file.id)
    assert report.brought_back["uploads"] == 1
    assert (again.key, again.owner_id, again.bytes) == (file.key, file.owner_id, file.bytes)
    assert (again.name, again.content_type) == (file.name, file.content_type)
    assert abs(again.created_at - file.created_at) < timedelta(seconds=5)


def test_an_upload_by_the_name_of_a_manifest_is_no_manifest(
    services, database, owner_id, forgotten, rebuild, ended
):
    _, manifest = ended()
    files = Files(database, services.bucket, services.keys)
    file = files.announce(owner_id, NAME, "application/json")
    forged = {**manifest, "job": {**manifest["job"], "id": str(file.id)}, "attempts": []}
    files.store(file, HashingReader(iter([json.dumps(forged).encode()])))
    forgotten()

    rebuild()

    with database.begin() as session:
        assert session.get(Job, file.id) is None


def record(directory, kind, job_id, manifest):
    """Write a record as far as a rebuild reads it."""
    folder = directory / "daily" / "2026-01-02" / kind
    folder.mkdir(parents=True, exist_ok=True)
    content = {"job_id": str(job_id), **({"fixative": manifest} if manifest else {})}
    (folder / f"{job_id}.json").write_text(json.dumps(content, default=str))


def test_what_replicate_alone_knows_of_comes_back_as_jobs_of_history(
    database, ended, forgotten, rebuild, services, add_history
):
    job_id, _ = ended()
    services.bucket.delete([found.key for found in services.bucket.listing(services.keys.root)])
    add_history(3)
    forgotten()

    report = rebuild()

    with database.begin() as session:
        jobs = list(session.scalars(select(Job)))
    assert report.brought_back["replicate"] == len(jobs) == 4
    assert {job.source for job in jobs} == {"sync"}
    assert job_id not in {job.id for job in jobs}


def test_a_prediction_of_a_job_that_had_not_ended_is_taken_for_nobody_elses(
    database, services, submit, attempts_of, forgotten, rebuild, tmp_path, read_job, emulator
):
    job_id = submit()
    with database.begin() as session:
        accepted = json.loads(as_json(manifest_of(session, get_job(session, job_id))))
    services.submitter.submit(job_id)
    [attempt] = attempts_of(job_id)
    forgotten()
    record = tmp_path / "daily/2026-01-01/accepted" / f"{job_id}.json"
    record.parent.mkdir(parents=True)
    record.write_text(json.dumps({"fixative": accepted}))

    rebuild()
    recover(database, services.replicate, services.epoch)

    with database.begin() as session:
        assert list(session.scalars(select(Job.id))) == [job_id]
    assert attempts_of(job_id)[0].prediction_id == attempt.prediction_id
    assert emulator.get("/_emulator/stats").json()["creates"]["total"] == 1
