"""Retry: an ended job is taken up again, by storing what it has or by another attempt."""

import uuid

from sqlalchemy import exists, or_, select
from sqlalchemy.orm import Session

from fixative.errors import Conflict, Gone
from fixative.jobs.accept import ACCEPTED_HERE, fair_at
from fixative.jobs.billing import reserve_for
from fixative.jobs.states import is_terminal
from fixative.jobs.store import current_attempt, reopen
from fixative.names import CREATE_PREDICTION, STORE_OUTPUTS, Hint
from fixative.postgres.tables import UNSETTLED, Attempt, Job
from fixative.replicate.prediction import RUNNING, expires_at


def retry(
    session: Session,
    job_id: uuid.UUID,
    *,
    cause: str,
    pay_again: bool = False,
    incomplete: bool = False,
) -> list[Hint]:
    """Take up an ended job once more; answers the hint that follows.

    What its prediction gave is stored again, which costs nothing. Where there is no such
    prediction, or its files are gone at Replicate, another attempt is made if `pay_again` allows
    it. `incomplete`: media that were stored are no longer there.

    Raises Gone of a deleted job, Conflict where there is nothing to do again, where it cannot be
    done yet, or where it would have to be paid for; and OverBudget when what another attempt may
    cost is not left.
    """
    job = session.get_one(Job, job_id, with_for_update=True, populate_existing=True)
    _refuse_too_early(session, job)
    attempt = current_attempt(session, job)
    if attempt is not None and attempt.prediction_status == "succeeded":
        if job.status == "succeeded" and not incomplete:
            raise Conflict("it succeeded, and all its media are stored")
        if not (pay_again and _is_lost(job)):
            gone_at, detail = expires_at(attempt.prediction or {}), "retried: stored again"
            reopen(session, job_id, "storing", cause=cause, detail=detail, expires_at=gone_at)
            return [Hint(STORE_OUTPUTS, {"job_id": str(job_id)})]
    _refuse_to_pay(job, allowed=pay_again)
    place = session.scalar(select(fair_at(job.owner_id, job.priority)))
    detail = "retried: another attempt"
    reopen(session, job_id, "queued", cause=cause, detail=detail, fair_at=place)
    reserve_for(session, [job])
    return [Hint(CREATE_PREDICTION, {"job_id": str(job_id)})]


def _refuse_too_early(session: Session, job: Job) -> None:
    if job.deleted_at is not None:
        raise Gone(f"job {job.id} was deleted")
    if not is_terminal(job.status):
        raise Conflict(f"the job is {job.status}: only what has ended can be retried")
    under_way = or_(Attempt.outcome.in_(UNSETTLED), Attempt.prediction_status.in_(RUNNING))
    if session.scalar(select(exists().where(Attempt.job_id == job.id, under_way))):
        raise Conflict("an attempt of it is not settled yet, or still runs: try again later")


def _is_lost(job: Job) -> bool:
    """Whether storing again would find no file."""
    return (job.error or {}).get("code") == "output_expired"


def _refuse_to_pay(job: Job, *, allowed: bool) -> None:
    if job.status == "succeeded":
        raise Conflict("it succeeded, and there is nothing left to store")
    if job.source not in ACCEPTED_HERE:
        raise Conflict("it was not submitted here, so it is not run again: submit it as a new job")
    if not allowed:
        raise Conflict("another attempt costs money: say so with pay_again: true")
