"""The time a job was given: what is not submitted in it ends, what is left bounds the run."""

from sqlalchemy import Integer, bindparam, func, select

from fixative.jobs.claim import paid_or_unsettled
from fixative.jobs.store import error_of, move
from fixative.postgres.base import among
from fixative.postgres.engine import Database
from fixative.postgres.tables import Attempt, Job

WAITING = ("queued", "submitting")
LEAST_SECONDS = 5  # of Cancel-After, by Replicate's documentation
OVERDUE = select(Job.id).where(
    among(Job.status, *WAITING), Job.deadline <= func.now(), ~paid_or_unsettled()
)
OLDEST = OVERDUE.order_by(Job.deadline).limit(bindparam("at_most", type_=Integer))


def abort_overdue(database: Database, *, at_most: int) -> None:
    """End those whose `cancel_after` is over and of which nothing may have been sent.

    What may have been sent is settled first: it goes on if it was, and is ended here if not.
    """
    with database.begin() as session:
        found = session.scalars(OLDEST, {"at_most": at_most}).all()
    for job_id in found:
        with database.begin() as session:
            # Looked at again once it is locked: an attempt may have begun meanwhile.
            job = session.get_one(Job, job_id, with_for_update=True)
            if session.scalar(OVERDUE.where(Job.id == job_id)) is None:
                continue
            message = f"not submitted within {job.cancel_after} s, as its cancel_after says"
            error = error_of("aborted", message)
            move(session, job_id, "canceled", cause="task", came_from=WAITING, error=error)


def seconds_of_run(job: Job, attempt: Attempt, at_most: int) -> int:
    """After how many Replicate is to cancel the run: what is left to the job, five at least.

    Never more than its model may take; `at_most` is for models that name no limit.
    """
    most = job.max_seconds or at_most
    if job.deadline is None:
        return most
    left = int((job.deadline - attempt.created_at).total_seconds())
    return min(most, max(left, LEAST_SECONDS))
