"""Jobs with everything that is written of them, and a database that has lost them."""

import json

import pytest
from sqlalchemy import delete

from fixative.media.manifest import NAME
from fixative.postgres.media_tables import File
from fixative.postgres.operation_tables import Epoch, Pause
from fixative.postgres.tables import ApiKey, Job, Owner
from fixative.recovery.poll import ask_about


@pytest.fixture
def ended(services, database, submit, attempts_of, eventually, read_job):
    """A job that was stored, derived and recorded; and its manifest from the bucket."""

    def make(**request):
        job_id = submit(**request)
        services.submitter.submit(job_id)

        def storing():
            ask_about(database, services.replicate, attempts_of(job_id)[0].prediction_id)
            return read_job(job_id).status == "storing"

        eventually(storing)
        services.storer.store(job_id)
        services.deriver.derive(job_id)
        services.recorder.record(job_id)
        return job_id, json.loads(services.bucket.read(services.keys.key(read_job(job_id), NAME)))

    return make


@pytest.fixture
def forgotten(database):
    """A database that knows nobody and nothing."""

    def forget():
        with database.begin() as session:
            for table in (Job, ApiKey, Pause, Epoch, File, Owner):
                session.execute(delete(table))

    return forget
