"""Cancel: at once while nothing was sent; afterwards Replicate's own end decides."""

import uuid

from sqlalchemy import exists, func, update
from sqlalchemy.orm import Session

from fixative.errors import Refused
from fixative.jobs.ingest import ingest
from fixative.jobs.states import is_terminal
from fixative.jobs.store import current_attempt, error_of, get_job, move
from fixative.names import CANCEL_PREDICTION, Hint
from fixative.postgres.engine import Database
from fixative.postgres.tables import UNSETTLED, Attempt, Job
from fixative.replicate.client import Replicate
from fixative.replicate.prediction import RUNNING, read_prediction

NOT_FOUND = 404


def request_cancel(session: Session, job: Job, *, cause: str = "api") -> list[Hint]:
    """Ask for the end of an unfinished job; again, or too late, is no harm.

    A success that was under way is stored all the same, and stays one.
    """
    if is_terminal(job.status):
        return []
    session.execute(
        update(Job)
        .where(Job.id == job.id)
        .values(
            cancel_requested_at=func.coalesce(Job.cancel_requested_at, func.now()),
            updated_at=func.now(),
        )
    )
    if _nothing_sent(session, job.id):
        error = error_of("canceled", "canceled before anything was sent to Replicate")
        came_from = {"queued", "submitting"}
        if move(session, job.id, "canceled", cause=cause, came_from=came_from, error=error):
            return []
    return [Hint(CANCEL_PREDICTION, {"job_id": str(job.id)})]


def cancel_prediction(database: Database, replicate: Replicate, job_id: uuid.UUID) -> list[Hint]:
    """Tell Replicate that a job's prediction is no longer wanted, if that is still so.

    Raises NotSent, NoAnswer or Refused; the row stays due, so the next sweep asks again.
    """
    with database.begin() as session:
        job = get_job(session, job_id)
        attempt = current_attempt(session, job)
        if job.cancel_requested_at is None or is_terminal(job.status):
            return []
        if _nothing_sent(session, job.id):
            return request_cancel(session, job, cause="task")
    if attempt is None or attempt.prediction_id is None:
        return []  # unsettled: adoption finds the prediction first, or proves there is none
    if attempt.prediction_status not in RUNNING:
        return []
    try:
        raw = replicate.cancel(attempt.prediction_id)
    except Refused as error:
        if error.status != NOT_FOUND:
            raise
        return []  # not listed yet, or gone; the poll decides
    with database.begin() as session:
        return ingest(session, read_prediction(raw), cause="task").hints


def _nothing_sent(session: Session, job_id: uuid.UUID) -> bool:
    """Whether no attempt of the job is unsettled or has a prediction."""
    sent = exists().where(
        Attempt.job_id == job_id,
        Attempt.outcome.in_((*UNSETTLED, "created")),
    )
    # The job's row is locked first, so that no attempt can begin between this look and the move.
    session.get(Job, job_id, with_for_update=True)
    return not session.scalar(sent.select())
