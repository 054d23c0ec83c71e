"""Cancel: at once while nothing was sent; afterwards Replicate's own end decides.

What was paid for twice is cancelled here too, whatever became of its job.
"""

import uuid

from sqlalchemy import ColumnElement, Select, func, select, update
from sqlalchemy.orm import Session

from fixative.errors import Refused
from fixative.jobs.claim import paid_or_unsettled
from fixative.jobs.ingest import ingest
from fixative.jobs.states import is_terminal
from fixative.jobs.store import current_attempt, error_of, get_job, move
from fixative.names import CANCEL_PREDICTION, Hint
from fixative.postgres.base import among
from fixative.postgres.engine import Database
from fixative.postgres.notes import note
from fixative.postgres.tables import Attempt, Job
from fixative.replicate.client import Replicate
from fixative.replicate.prediction import RUNNING, read_prediction

NOT_FOUND = 404


def request_cancel(session: Session, job: Job, *, cause: str = "api") -> list[Hint]:
    """Ask for the end of an unfinished job; again, or too late, is no harm.

    A success that was under way is stored all the same, and stays one.
    """
    if is_terminal(job.status):
        return []
    is_news = job.cancel_requested_at is None
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
    if is_news:
        note(session, job.id, "cancel", cause=cause, detail="its end was asked for")
    return [Hint(CANCEL_PREDICTION, {"job_id": str(job.id)})]


def cancel_prediction(database: Database, replicate: Replicate, job_id: uuid.UUID) -> list[Hint]:
    """Tell Replicate which of a job's predictions are no longer wanted, if that is still so.

    Raises NotSent, NoAnswer or Refused; the row stays due, so the next sweep asks again.
    """
    with database.begin() as session:
        job = get_job(session, job_id)
        unwanted = list(session.scalars(select(Attempt.prediction_id).where(*_duplicates(job_id))))
        if job.cancel_requested_at is not None and not is_terminal(job.status):
            if _nothing_sent(session, job.id):
                request_cancel(session, job, cause="task")
            # Unsettled: adoption finds the prediction first, or proves that there is none.
            attempt = current_attempt(session, job)
            if attempt is not None and attempt.prediction_status in RUNNING:
                unwanted.append(attempt.prediction_id)
    return [hint for id_ in unwanted if id_ for hint in _cancel(database, replicate, id_)]


def running_duplicates() -> Select[uuid.UUID]:
    """The jobs of which a prediction runs that was paid for twice."""
    return select(Attempt.job_id).where(*_duplicates())


def _cancel(database: Database, replicate: Replicate, prediction_id: str) -> list[Hint]:
    try:
        raw = replicate.cancel(prediction_id)
    except Refused as error:
        if error.status != NOT_FOUND:
            raise
        return []  # not listed yet, or gone; the poll decides
    with database.begin() as session:
        return ingest(session, read_prediction(raw), cause="task").hints


def _duplicates(job_id: uuid.UUID | None = None) -> tuple[ColumnElement[bool], ...]:
    of_job = () if job_id is None else (Attempt.job_id == job_id,)
    return (*of_job, Attempt.outcome == "duplicate", among(Attempt.prediction_status, *RUNNING))


def _nothing_sent(session: Session, job_id: uuid.UUID) -> bool:
    """Whether no attempt of the job is unsettled or has a prediction."""
    sent = select(Job.id).where(Job.id == job_id, paid_or_unsettled())
    # The job's row is locked first, so that no attempt can begin between this look and the move.
    session.get(Job, job_id, with_for_update=True)
    return session.scalar(sent) is None
