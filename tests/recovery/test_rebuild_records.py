"""A rebuild reads records wherever the recorder wrote them, accepted and ended ones."""

import gzip
import uuid

import pytest
from sqlalchemy import select, true, update

from fixative.media.audit import audit
from fixative.media.manifest import as_json
from fixative.postgres.tables import Job
from fixative.recovery.rebuild_many import HELD_AT_ONCE, Written, bring_back
from fixative.recovery.rebuild_report import Report

SOURCES = ("records",)
PLACES = pytest.mark.parametrize("environ", ["directory", "bucket"], indirect=True)


@pytest.fixture
def environ(environ, servers, request):
    """The variables of a system that keeps its records in a directory, or in the bucket."""
    if getattr(request, "param", "directory") == "directory":
        return environ
    return {**environ, "OUTPUT_DIR": f"s3://{servers['S3_BUCKET']}/{environ['S3_PREFIX']}-records"}


@pytest.fixture
def waiting(services, submit):
    """A job that was accepted and recorded, and has not begun."""
    job_id = submit(label="waiting")
    services.records.record_accepted()
    return job_id


@pytest.fixture
def write(output_dir):
    """A record of this name, on some day."""

    def at(name, content):
        path = output_dir / "daily/2026-01-02" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else as_json(content))
        return path

    return at


@PLACES
@pytest.mark.parametrize("form", ["loose", "archived", "some of each"])
def test_ended_and_waiting_jobs_come_back_from_wherever_the_recorder_wrote_them(
    ended, waiting, archived, forgotten, rebuild, digest, read_job, form
):
    (done, _) = ended(metadata={"of": "the caller"})
    if form != "loose":
        archived()
    if form == "some of each":
        ended(label="later")
    before, jobs = digest(), 3 if form == "some of each" else 2
    forgotten()

    first = rebuild(SOURCES)

    assert digest() == before
    assert (first.brought_back["records"], first.unfinished) == (jobs, 1)
    assert (read_job(waiting).status, read_job(done).status) == ("queued", "succeeded")
    assert rebuild(SOURCES).brought_back["records"] == 0


@PLACES
def test_where_there_are_no_records_the_report_says_so(rebuild, services):
    report = rebuild(SOURCES)

    assert report.not_asked["records"] == f"{services.settings.output_dir} holds no records"


def test_what_is_brought_back_of_records_has_its_manifest_written_again(
    services, ended, forgotten, rebuild, put, key_of, digest, alone
):
    (lost, _), (torn, _) = ended(), ended()
    services.bucket.delete([key_of(lost)])
    put(key_of(torn), b"{")
    before = digest()
    forgotten()

    report = rebuild()
    for job_id in (lost, torn):
        services.recorder.record(job_id)

    assert (report.brought_back["records"], digest()) == (2, before)
    assert audit(alone, services.bucket, services.keys).clean
    forgotten()
    assert rebuild(("bucket",)).brought_back["bucket"] == 2


def test_a_job_that_an_older_backup_has_unfinished_gives_way_to_the_record_of_its_end(
    database, ended, rebuild, digest
):
    ended()
    before = digest()
    with database.begin() as session:
        session.execute(update(Job).values(status="queued", attempt_id=None, completed_at=None))

    rebuild(SOURCES)

    assert digest() == before


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("processed/ID.json", b"{", "unreadable"),
        ("processed/ID.json", b"[" * 100_000, "unreadable"),
        ("processed/ID.json", b"\xff\xfe\x00", "unreadable"),
        ("processed/ID.json", {"job_id": "ID"}, "unreadable"),
        ("processed/ID.json", {"fixative": []}, "unreadable"),
        ("accepted/ID.json", {"fixative": {"format": 1, "job": {"id": 7}}}, "unreadable"),
        ("processed/job_17.json", {}, "unreadable"),
        ("accepted/link.json", "a link to elsewhere", "unreadable"),
    ],
    ids=[*("cut", "deep", "not text", "no manifest", "no job", "no id"), "its name", "a link"],
)
def test_what_is_no_record_of_a_job_is_named_and_the_others_come_back(
    waiting, forgotten, rebuild, write, problems, read_job, output_dir, name, content, kind
):
    name = name.replace("ID", "0190163d-8694-739b-aea5-966c26f8ad91")
    path = write(name, content)
    if content == "a link to elsewhere":
        path.unlink()
        path.symlink_to("/etc/hostname")
    forgotten()

    report = rebuild(SOURCES)

    of_records = {p for p in problems(report) if p[0].startswith("records")}
    assert of_records == {(f"records: {kind}", str(path))}
    assert read_job(waiting).status == "queued"


def test_a_record_whose_rows_are_those_of_another_job_is_refused_by_name(
    waiting, forgotten, rebuild, write, problems, output_dir, database
):
    other = "0190163d-8694-739b-aea5-966c26f8ad91"
    [true] = output_dir.glob("daily/*/accepted/*.json")
    path = write(f"processed/{other}.json", true.read_bytes())
    forgotten()

    report = rebuild(SOURCES)

    assert ("records: refused", str(path)) in problems(report)
    with database.begin() as session:
        assert list(session.scalars(select(Job.id))) == [waiting]


def test_an_archive_with_a_line_that_is_none_is_named_once_and_read_up_to_there(
    waiting, archived, forgotten, rebuild, output_dir, read_job
):
    archived()
    [archive] = (output_dir / "daily").iterdir()
    archive.write_bytes(gzip.compress(gzip.decompress(archive.read_bytes()) + b"no record\n"))
    forgotten()

    report = rebuild(SOURCES)

    assert [p.name for p in report.problems if p.kind == "records: unreadable"] == [str(archive)]
    assert read_job(waiting).status == "queued"


def test_the_record_of_a_deleted_job_brings_nothing_back_and_is_named(
    database, services, waiting, forgotten, rebuild, problems, put, read_job, output_dir
):
    [path] = output_dir.glob("daily/*/accepted/*.json")
    put(f"{services.keys.tombstones}{waiting}.json", b"{}")
    forgotten()

    report = rebuild()

    assert read_job(waiting).deleted_at is not None
    assert ("records: refused", str(path)) in problems(report)


def test_records_that_have_to_be_held_are_read_a_few_at_a_time(database):
    held, brought, most_ahead = 2**22, [], 0

    def written():
        nonlocal most_ahead
        for number in range(1, 41):
            most_ahead = max(most_ahead, number - len(brought))
            yield Written(uuid.uuid4(), f"an archive: {number}.json", lambda: b"", held)

    def bring(_session, each, _told):
        brought.append(each)
        return True

    report = Report(say=lambda _: None)
    bring_back(database, report, "records", written(), bring, done=true())

    assert report.brought_back["records"] == len(brought) == 40
    assert most_ahead * held <= HELD_AT_ONCE
