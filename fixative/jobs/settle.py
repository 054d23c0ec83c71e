"""Settling by hand: a person says what became of a create that stayed unclear."""

import uuid

from sqlalchemy import select
from sqlalchemy.orm import Session

from fixative.errors import Conflict
from fixative.jobs.adopt import prove_absent
from fixative.jobs.ingest import ingest
from fixative.jobs.store import get_job
from fixative.names import CREATE_PREDICTION, Hint
from fixative.postgres.engine import Database
from fixative.postgres.leases import free
from fixative.postgres.tables import Attempt, Job
from fixative.replicate.client import Replicate
from fixative.replicate.prediction import read_prediction


def settle_created(
    database: Database, replicate: Replicate, job_id: uuid.UUID, prediction_id: str
) -> list[Hint]:
    """The unclear attempt of the job made this prediction.

    Raises NotFound without such a job, Conflict when nothing of it is unclear or the prediction
    is another attempt's, or names another job as the one it was made for; and NotSent, NoAnswer
    or Refused when Replicate does not show it.
    """
    with database.begin() as session:
        _unclear(session, job_id)
    prediction = read_prediction(replicate.get(prediction_id))
    if prediction.claimed_by is not None and prediction.claimed_by[0] != job_id:
        # Given to this job, it would be missed there, and paid for again.
        raise Conflict(f"prediction {prediction.id} was made for job {prediction.claimed_by[0]}")
    with database.begin() as session:
        _, attempt = _unclear(session, job_id)
        taken = select(Attempt.id).where(Attempt.prediction_id == prediction.id)
        if session.scalar(taken) is not None:
            raise Conflict(f"prediction {prediction.id} is another attempt's")
        return ingest(session, prediction, cause="operator", attempt=attempt).hints


def settle_absent(database: Database, job_id: uuid.UUID) -> list[Hint]:
    """The unclear attempt of the job created nothing: the job is queued again, to be paid for.

    Raises NotFound without such a job, Conflict when nothing of it is unclear.
    """
    with database.begin() as session:
        job, attempt = _unclear(session, job_id)
        prove_absent(session, job, attempt, cause="operator", detail="settled by hand as absent")
    return [Hint(CREATE_PREDICTION, {"job_id": str(job_id)})]


def _unclear(session: Session, job_id: uuid.UUID) -> tuple[Job, Attempt]:
    """The job and its attempt of unknown end, locked."""
    get_job(session, job_id)
    newest_first = (
        select(Attempt)
        .join(Job, Job.id == Attempt.job_id)
        .where(Job.id == job_id, Attempt.outcome == "unknown", free())
        .order_by(Attempt.number.desc())
        .with_for_update(of=Attempt)
    )
    attempt = session.scalars(newest_first).first()
    if attempt is None:
        raise Conflict("no attempt of this job is unclear")
    return get_job(session, job_id), attempt
