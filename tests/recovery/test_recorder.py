"""The recorder: whatever was accepted or ended, OUTPUT_DIR tells of it."""

import json
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import func, select, update

from fixative.errors import RecordsAway
from fixative.jobs.delete import delete_job
from fixative.jobs.store import get_job
from fixative.jobs.timeline import timeline
from fixative.media.manifest import manifest_of
from fixative.postgres.tables import Job
from fixative.recovery.poll import ask_about
from fixative.recovery.record_directory import Directory
from fixative.recovery.record_summary import write_summary
from fixative.recovery.state import count_unrecorded, unrecorded_seconds
from fixative.settings import load_settings
from worker.services import Services

TODAY = datetime.now(UTC).date()
FLUX, LLAMA = "black-forest-labs/flux-schnell", "meta/meta-llama-3-8b-instruct"


@pytest.fixture
def in_bucket(environ, servers):
    """The same system, its records in the bucket."""
    address = f"s3://{servers['S3_BUCKET']}/{environ['S3_PREFIX']}-records"
    made = Services(load_settings({**environ, "OUTPUT_DIR": address}), connections=4)
    yield made
    made.close()


@pytest.fixture
def storing_job(services, database, submit, attempts_of, eventually, read_job):
    job_id = submit()
    services.submitter.submit(job_id)

    def arrived():
        ask_about(database, services.replicate, attempts_of(job_id)[0].prediction_id)
        return read_job(job_id).status == "storing"

    eventually(arrived)
    return job_id


@pytest.fixture
def files(output_dir):
    """The names of all files of OUTPUT_DIR."""
    return lambda: sorted(
        str(path.relative_to(output_dir)) for path in output_dir.rglob("*") if path.is_file()
    )


def test_a_job_that_was_submitted_run_and_stored_is_recorded_completely(
    database, ran, output_dir, files, attempts_of, processed
):
    job_id = ran(metadata={"of": "the caller"}, input={"prompt": "猫", "num_outputs": 2})

    [attempt] = attempts_of(job_id)
    day = f"daily/{TODAY}"
    prediction = f"{day}/predictions/black-forest-labs/flux-schnell/{attempt.prediction_id}.json"
    assert files() == sorted(
        [f"{day}/accepted/{job_id}.json", prediction, f"{day}/processed/{job_id}.json"]
    )
    assert json.loads((output_dir / prediction).read_text()) == attempt.prediction
    record = json.loads(processed(job_id).read_text())
    assert record["job_id"] == record["job"]["id"] == str(job_id)
    assert record["job"]["prompt"] == "猫"
    assert record["job"]["metadata"] == {"of": "the caller"}
    config = {"num_outputs": 2, "model": "black-forest-labs/flux-schnell"}
    assert record["job"]["provider_config"] == config
    assert record["result"]["output"] == ["original-001.webp", "original-002.webp"]
    assert (record["error"], record["retry_count"]) == (None, 0)
    assert record["processing_time"] > 0
    with database.begin() as session:
        manifest = manifest_of(session, get_job(session, job_id))
    assert record["fixative"]["job"]["completed_at"] == record["completed_at"]
    for part in ("attempts", "media", "files", "transitions"):
        assert len(record["fixative"][part]) == len(manifest[part])
    assert str((output_dir / "latest").readlink()) == day


def test_an_acceptance_is_recorded_as_it_was_whatever_came_since(
    services, database, submit, output_dir, read_job
):
    job_id = submit(label="blue")
    services.submitter.submit(job_id)
    with database.begin() as session:
        assert unrecorded_seconds(session) > 0

    assert services.records.record_accepted() == 1
    assert services.records.record_accepted() == 0

    [path] = output_dir.glob("daily/*/accepted/*.json")
    record = json.loads(path.read_text())
    assert path.stem == record["job_id"] == str(job_id)
    told = record["fixative"]["job"]
    assert (told["status"], told["attempt_id"], told["label"]) == ("queued", None, "blue")
    assert (record["result"], record["fixative"]["attempts"]) == (None, [])
    job = read_job(job_id)
    with database.begin() as session:
        assert unrecorded_seconds(session) == 0
        told = [item for item in timeline(session, job) if item["kind"] == "record"]
    assert [(item["at"], item["to"]) for item in told] == [(job.acceptance_recorded_at, "accepted")]


def test_what_was_accepted_elsewhere_has_no_record_of_it(services, database, submit, files):
    job_id = submit()
    with database.begin() as session:
        session.execute(update(Job).where(Job.id == job_id).values(source="sync"))

    services.records.record_accepted()

    assert files() == []


def test_nothing_waits_to_be_recorded_of_what_history_brought(
    services, database, submit, add_history, bootstrap, files
):
    add_history(3, span_seconds=90_000)

    assert bootstrap().jobs_created == 3

    with database.begin() as session:
        assert unrecorded_seconds(session) == 0
        assert count_unrecorded(session) > 0
    assert services.records.record_accepted() == 0
    assert files() == []


def test_a_directory_that_cannot_be_written_keeps_the_rows_due_and_holds_nothing_back(
    environ, database, ran, files, read_job, submit, tmp_path
):
    (tmp_path / "file").write_text("no directory")
    away = Services(load_settings({**environ, "OUTPUT_DIR": str(tmp_path / "file")}), 4)
    job_id = ran()
    accepted = submit()
    with database.begin() as session:
        session.execute(update(Job).where(Job.id == job_id).values(record_due_at=func.now()))

    with pytest.raises(RecordsAway):
        away.records.record_accepted()
    with pytest.raises(RecordsAway):
        away.recorder.record(job_id)
    away.close()

    assert read_job(accepted).acceptance_recorded_at is None
    job = read_job(job_id)
    assert (job.status, job.lease_until) == ("succeeded", None)
    assert job.record_due_at > datetime.now(UTC)


def test_records_are_written_to_a_bucket_alike(in_bucket, storing_job, read_job):
    job_id = storing_job
    in_bucket.records.record_accepted()
    in_bucket.storer.store(job_id)
    in_bucket.recorder.record(job_id)

    names = set(in_bucket.store.names("daily"))
    assert {f"daily/{TODAY}/{kind}/{job_id}.json" for kind in ("accepted", "processed")} < names
    assert len(names) == 3
    assert b"".join(in_bucket.store.chunks("latest")) == f"daily/{TODAY}\n".encode()


def test_latest_leads_to_the_newest_day_and_never_back(services, database, submit, output_dir):
    for days in (0, 3):
        job_id = submit()
        ago = {"created_at": func.now() - timedelta(days=days)}
        with database.begin() as session:
            session.execute(update(Job).where(Job.id == job_id).values(ago))
        services.records.record_accepted()

    assert len(list(output_dir.glob("daily/*"))) == 2
    assert str((output_dir / "latest").readlink()) == f"daily/{TODAY}"


WRITE = """
import sys
from pathlib import Path
from fixative.recovery.record_directory import Directory

def chunks():
    yield b'{"half":'
    print("half", flush=True)
    sys.stdin.read()

Directory(Path(sys.argv[1])).write("daily/2026-01-02/processed/a.json", chunks())
"""


def test_a_writer_that_is_killed_leaves_no_half_file_under_its_name(output_dir, replay):
    command = [sys.executable, "-c", WRITE, str(output_dir)]
    writer = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert writer.stdout.readline() == "half\n"
    writer.send_signal(signal.SIGKILL)
    writer.communicate()

    [left] = (output_dir / "daily/2026-01-02/processed").iterdir()
    assert left.name.startswith(".")
    assert list(Directory(output_dir).names("daily")) == []
    assert replay() == []


def test_a_record_whose_writing_breaks_leaves_the_earlier_one(output_dir):
    store = Directory(output_dir)
    store.write("a/b.json", [b"{}"])

    def breaking():
        yield b"["
        raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011
        store.write("a/b.json", breaking())

    assert [path.read_text() for path in (output_dir / "a").iterdir()] == ["{}"]


def test_the_summary_of_a_day_counts_what_ended_on_it(
    services, database, ran, output_dir, owner_id
):
    image = ran()
    ran(model=LLAMA, job_type="text")
    with database.begin() as session:
        paid = {"cost": Decimal("0.003000001")}
        session.execute(update(Job).where(Job.id == image).values(paid))

    write_summary(database, services.store, TODAY)

    told = json.loads((output_dir / f"daily/{TODAY}/summary.json").read_text())
    assert (told["day"], told["jobs"], told["cost"]) == (TODAY.isoformat(), 2, "0.003000001")
    costs = {model: of["cost"] for model, of in told["by_model"].items()}
    assert costs == {FLUX: "0.003000001", LLAMA: None}
    assert told["by_status"]["succeeded"]["jobs"] == 2
    assert told["by_owner"][str(owner_id)]["bytes"] == told["bytes"] > 0
    assert told["seconds"] > 0


def test_deleting_a_job_removes_its_records(services, database, ran, files):
    gone, stays = ran(), ran()
    with database.begin() as session:
        delete_job(session, get_job(session, gone))

    assert services.purger.purge() == 1

    left = files()
    assert len(left) == 3
    assert [name for name in left if str(gone) in name] == []
    assert len([name for name in left if str(stays) in name]) == 2


def test_records_that_cannot_be_removed_keep_the_deletion_due(
    environ, services, database, ran, files, read_job, output_dir
):
    job_id = ran()
    with database.begin() as session:
        delete_job(session, get_job(session, job_id))
    away = output_dir.rename(f"{output_dir}-away")
    output_dir.write_text("no directory")

    assert services.purger.purge() == 0

    assert read_job(job_id).purge_due_at is not None
    output_dir.unlink()
    away.rename(output_dir)
    with database.begin() as session:
        session.execute(update(Job).values(purge_due_at=func.now()))
    assert services.purger.purge() == 1
    assert files() == []
    with database.begin() as session:
        assert session.scalars(select(Job.purge_due_at)).one() is None
