"""One job in this process, by what the workers run, for what is measured after its prediction."""

import uuid

from fixative.access.owners import ensure_owner
from fixative.jobs.accept import JobRequest, accept
from fixative.jobs.store import current_attempt, get_job
from fixative.postgres.tables import Attempt
from fixative.recovery.poll import ask_about
from worker.services import Services


def storing(services: Services, wanted: JobRequest) -> uuid.UUID:
    """A job whose prediction has succeeded, and whose files are to be stored."""
    with services.database.begin() as session:
        owner = ensure_owner(session, "bench").id
        job_id = accept(session, wanted, owner).job.id
    services.submitter.submit(job_id)
    while status_of(services, job_id) != "storing":
        prediction_id = attempt_of(services, job_id).prediction_id
        assert prediction_id
        ask_about(services.database, services.replicate, prediction_id)
    return job_id


def status_of(services: Services, job_id: uuid.UUID) -> str:
    """The job's status."""
    with services.database.begin() as session:
        return get_job(session, job_id).status


def attempt_of(services: Services, job_id: uuid.UUID) -> Attempt:
    """The job's newest attempt."""
    with services.database.begin() as session:
        attempt = current_attempt(session, get_job(session, job_id))
    assert attempt
    return attempt
