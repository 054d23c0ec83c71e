"""With one of its three sources gone, a rebuild brings back what the others tell."""

import pytest
from sqlalchemy import select

from fixative.errors import Gone
from fixative.jobs.store import find_job
from fixative.media.manifest import NAME
from fixative.postgres.tables import Job
from fixative.recovery.export_access import export_access
from fixative.recovery.recover import recover


@pytest.fixture
def jobs(services, database, ended, deleted, submit):
    """One job that has ended, one that was deleted, one that runs at Replicate."""
    done, _ = ended(label="done")
    gone, _ = deleted()
    running = submit("emulator/sleep", input={"seconds": 3600})
    services.records.record_accepted()
    services.submitter.submit(running)
    export_access(database, services.bucket, services.keys)
    return done, gone, running


@pytest.fixture
def known(database):
    """The jobs that are there, tombstones aside, by their ids."""

    def read():
        with database.begin() as session:
            return {job.id: job for job in session.scalars(select(Job)) if not job.deleted_at}

    return read


def creates(emulator):
    return emulator.get("/_emulator/stats").json()["creates"]["total"]


@pytest.fixture
def stays_deleted(database):
    def assert_gone(job_id):
        with database.begin() as session, pytest.raises(Gone):
            find_job(session, job_id, owner_id=None)

    return assert_gone


def test_without_records_what_runs_comes_back_as_what_replicate_tells_of_it(
    jobs, services, output_dir, forgotten, rebuild, known, stays_deleted
):
    done, gone, running = jobs
    services.store.delete_folder("daily")
    forgotten()

    report = rebuild()

    stays_deleted(gone)
    assert known()[done].source == "api"
    [other] = known().keys() - {done}
    assert (known()[other].source, known()[other].status) == ("sync", "processing")
    assert other != running
    assert report.not_asked == {"records": f"{output_dir} holds no records"}
    assert report.problems == []


def test_without_manifests_records_tell_everything_and_manifests_are_due_again(
    jobs, services, forgotten, rebuild, digest, known, stays_deleted
):
    done, gone, running = jobs
    before = digest()
    listed = [found.key for found in services.bucket.listing(services.keys.root)]
    services.bucket.delete([key for key in listed if key.endswith(NAME)])
    forgotten()

    report = rebuild()

    stays_deleted(gone)
    assert digest() == before
    assert known().keys() == {done, running}
    assert known()[done].record_due_at is not None
    assert (report.brought_back["bucket"], report.brought_back["records"]) == (0, 2)
    assert report.problems == []


def test_without_history_the_rest_comes_back_and_what_ran_is_held_until_its_absence_is_proven(
    jobs, services, database, emulator, forgotten, rebuild, digest, attempts_of, stays_deleted
):
    _, gone, running = jobs
    before = digest()
    emulator.post("/_emulator/reset").raise_for_status()
    forgotten()

    report = rebuild()
    recovered = recover(database, services.replicate, services.epoch)

    stays_deleted(gone)
    assert digest() == before
    assert report.problems == []
    assert (recovered.unclear, recovered.found) == (1, 0)
    assert [attempt.outcome for attempt in attempts_of(running)] == ["unknown"]
    assert creates(emulator) == 0


def test_history_that_cannot_be_read_is_named_and_the_rest_comes_back(
    jobs, relay, relayed, forgotten, rebuild, digest
):
    before = digest()
    relay.change = lambda _path, _body: (401, {"detail": "no such token"})
    forgotten()

    report = rebuild(history=relayed)

    assert digest() == before
    assert [problem.kind for problem in report.problems] == ["replicate: not read to its end"]
