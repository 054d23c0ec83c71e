"""What tests of records begin with: records of jobs that ran, and a database that forgot them."""

import json
from pathlib import Path

import pytest
from sqlalchemy import delete

from fixative.postgres.tables import Job, Owner
from fixative.recovery.poll import ask_about
from fixative.recovery.replay_find import Chosen


@pytest.fixture
def output_dir(settings):
    """Where this test's records are written."""
    return Path(settings.output_dir)


@pytest.fixture
def ran(services, database, submit, attempts_of, eventually, read_job):
    """A job that was accepted, stored, derived, and recorded each time."""

    def make(**request):
        job_id = submit(**request)
        services.records.record_accepted()
        services.submitter.submit(job_id)

        def storing():
            ask_about(database, services.replicate, attempts_of(job_id)[0].prediction_id)
            return read_job(job_id).status == "storing"

        eventually(storing)
        services.storer.store(job_id)
        services.deriver.derive(job_id)
        services.recorder.record(job_id)
        return job_id

    return make


@pytest.fixture
def processed(output_dir):
    """The path of the record of a job's end."""

    def find(job_id):
        [path] = output_dir.glob(f"daily/*/processed/{job_id}.json")
        return path

    return find


@pytest.fixture
def forget_all(database):
    """Make the database one that knows nobody and nothing."""

    def forget():
        with database.begin() as session:
            session.execute(delete(Job))
            session.execute(delete(Owner))

    return forget


@pytest.fixture
def replay(services, output_dir):
    """Replay what lies at a place, OUTPUT_DIR by default; what became of each, in words."""

    def run(place=output_dir, *, dry_run=False, **chosen):
        which = Chosen(**chosen)
        entries = services.replayer.find(str(place), which)
        return sorted(services.replayer.replay(e, which, dry_run=dry_run).what for e in entries)

    return run


@pytest.fixture
def rewritten(processed):
    """The record of a job's end, changed, in its place."""

    def write(job_id, change):
        path = processed(job_id)
        record = json.loads(path.read_text())
        change(record)
        path.write_text(json.dumps(record))
        return path

    return write
