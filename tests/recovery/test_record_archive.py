"""Archives: old days are one file each, read as they are, and without what was deleted."""

import gzip
import json
import os
import shutil
import tracemalloc
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, update

from fixative.jobs.delete import delete_job
from fixative.jobs.store import get_job
from fixative.media.manifest import as_json
from fixative.postgres.tables import Job
from fixative.recovery.record_lines import LARGEST, compressed, line_of, lines_in
from fixative.recovery.recorder import RecordKeeper

OLD = datetime.now(UTC).date() - timedelta(days=10)


@pytest.fixture
def archives(services):
    return replace(services.archives, archive_days=7)


@pytest.fixture
def ran_long_ago(database, ran, services, output_dir):
    """A job that was accepted, and ended, ten days ago."""

    def make():
        job_id = ran()
        ago = timedelta(days=10)
        earlier = {"created_at": Job.created_at - ago, "completed_at": Job.completed_at - ago}
        with database.begin() as session:
            session.execute(update(Job).where(Job.id == job_id).values(earlier))
            due = {"record_due_at": func.now(), "acceptance_recorded_at": None}
            session.execute(update(Job).where(Job.id == job_id).values(due))
        shutil.rmtree(output_dir / f"daily/{datetime.now(UTC).date()}")
        services.records.record_accepted()
        services.recorder.record(job_id)
        return job_id

    return make


@pytest.fixture
def lines(output_dir):
    """What the old day's archive holds, line by line."""

    def read():
        with gzip.open(output_dir / f"daily/{OLD}.jsonl.gz") as file:
            return [json.loads(line) for line in file]

    return read


def test_an_old_day_becomes_one_file_that_replay_reads_as_it_is(
    archives, ran_long_ago, output_dir, lines, forgotten, replay, read_job
):
    job_id = ran_long_ago()

    archives.tend()
    archives.tend()

    assert [path.name for path in (output_dir / "daily").iterdir()] == [f"{OLD}.jsonl.gz"]
    names = {line["name"]: line["record"] for line in lines()}
    assert len(names) == 3
    assert names[f"processed/{job_id}.json"]["job_id"] == str(job_id)
    assert replay() == ["already there"]
    forgotten()
    assert replay() == ["replayed"]
    assert read_job(job_id).status == "succeeded"
    assert replay(output_dir / f"daily/{OLD}.jsonl.gz") == ["already there"]


def test_what_is_recorded_late_is_taken_into_its_archive(
    database, archives, services, ran_long_ago, lines
):
    first = ran_long_ago()
    archives.tend()
    with database.begin() as session:
        session.execute(update(Job).where(Job.id == first).values(record_due_at=func.now()))
    services.recorder.record(first)

    archives.tend()

    names = [line["name"] for line in lines()]
    assert names.count(f"processed/{first}.json") == 2  # both are told; the later adds nothing


def test_young_days_stay_as_they_are(archives, ran, output_dir):
    ran()

    archives.tend()

    assert [path.name for path in (output_dir / "daily").iterdir()] == [
        datetime.now(UTC).date().isoformat()
    ]


def test_a_day_goes_when_its_time_is_over(services, archives, ran_long_ago, output_dir):
    ran_long_ago()
    archives.tend()
    ran_long_ago()
    assert len(list(output_dir.glob("daily/*"))) == 2  # what came late lies beside the archive

    replace(archives, keep_days=10).tend()

    assert list(output_dir.glob("daily/*")) == []


@pytest.fixture
def purger(services, archives):
    records = RecordKeeper(services.database, services.store, archives)
    return replace(services.purger, records=records)


def test_a_deleted_job_leaves_its_archive(
    database, archives, purger, ran_long_ago, lines, read_job, forgotten, replay
):
    gone, stays = ran_long_ago(), ran_long_ago()
    archives.tend()
    with database.begin() as session:
        delete_job(session, get_job(session, gone))

    assert purger.purge() == 1

    told = json.dumps(lines())
    assert (str(gone) in told, str(stays) in told) == (False, True)
    assert len(lines()) == 3
    assert read_job(gone).purge_due_at is None


def test_a_job_that_is_deleted_before_its_day_is_archived_is_in_no_archive(
    database, archives, ran_long_ago, lines
):
    gone = ran_long_ago()
    with database.begin() as session:
        delete_job(session, get_job(session, gone))

    archives.tend()

    assert lines() == []


def test_a_torn_archive_is_kept_as_it_is_and_the_deletion_stays_due(
    database, archives, purger, ran_long_ago, output_dir, read_job
):
    gone = ran_long_ago()
    archives.tend()
    path = output_dir / f"daily/{OLD}.jsonl.gz"
    torn = path.read_bytes()[:-20]
    path.write_bytes(torn)
    with database.begin() as session:
        delete_job(session, get_job(session, gone))

    assert purger.purge() == 0

    assert path.read_bytes() == torn
    assert read_job(gone).purge_due_at is not None


def test_what_is_no_record_stays_out_of_the_archive(archives, ran_long_ago, output_dir, lines):
    ran_long_ago()
    corrupt = output_dir / f"daily/{OLD}/processed/corrupt.json"
    corrupt.write_text("{")

    archives.tend()

    assert len(lines()) == 3
    assert corrupt.read_text() == "{"


def test_links_pipes_and_what_is_too_large_are_not_read_into_an_archive(
    archives, ran_long_ago, output_dir, lines, tmp_path
):
    ran_long_ago()
    folder = output_dir / f"daily/{OLD}/processed"
    (tmp_path / "secret.json").write_text('{"secret": 1}')
    (folder / "out.json").symlink_to(tmp_path / "secret.json")
    (folder / "endless.json").symlink_to("/dev/zero")
    os.mkfifo(folder / "pipe.json")
    with (folder / "large.json").open("wb") as file:
        file.truncate(LARGEST + 1)

    archives.tend()

    assert len(lines()) == 3
    assert (folder / "large.json").is_file()
    assert (tmp_path / "secret.json").is_file()


def test_lines_come_out_as_they_went_in():
    lines = [line_of(f"a/{n}.json", as_json({"n": "x" * n})) for n in (0, 1, 70_000, 3_000_000)]

    packed = b"".join(compressed(lines))

    assert list(lines_in([packed])) == lines
    assert list(lines_in(packed[i : i + 7] for i in range(0, len(packed), 7))) == lines
    assert list(lines_in(compressed([]))) == []


@pytest.mark.wide
def test_memory_stays_flat_over_thousands_of_records(output_dir, replay, services):
    folder = output_dir / "daily/2025-08-07/processed"
    folder.mkdir(parents=True)
    for number in range(3000):
        record = {
            "job_id": str(number),
            "job": {"id": str(number), "prompt": "x" * 30_000},
            "error": "failed",
        }
        (folder / f"{number}.json").write_text(json.dumps(record))

    tracemalloc.start()
    assert len(replay()) == 3000
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 10 * 2**20  # of 90 MB that were read
