"""Adoption: what became of a create whose answer we never saw.

Either one of Replicate's own listings shows the prediction, and it is ours; or enough of them,
complete and late enough, do not, and it never was. Nothing is sent again before that.
"""

from datetime import datetime, timedelta

import structlog
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from fixative.errors import MalformedPrediction
from fixative.jobs.claim import CLOCKS_DIFFER, in_window, same_target
from fixative.jobs.ingest import ingest
from fixative.jobs.store import move
from fixative.names import Hint
from fixative.postgres.engine import Database
from fixative.postgres.leases import free
from fixative.postgres.tables import UNSETTLED, Attempt, Job
from fixative.replicate.client import Replicate
from fixative.replicate.prediction import Prediction, read_prediction

SETTLE_AFTER = timedelta(seconds=120)
LISTINGS_APART = timedelta(seconds=10)

log = structlog.get_logger(__name__)


def adopt_unknown(database: Database, replicate: Replicate) -> list[Hint]:
    """Settle the attempts whose end nobody saw, as far as one listing can.

    Raises NotSent, NoAnswer or Refused: then the listing is void, and what it had already shown
    to be ours stays ours.
    """
    with database.begin() as session:
        _close_abandoned(session)
        unknown = list(session.scalars(select(Attempt).where(Attempt.outcome == "unknown")))
        began_at = session.scalars(select(func.now())).one()
    if not unknown:
        return []
    oldest = min(attempt.created_at for attempt in unknown)
    hints: list[Hint] = []
    unclaimed: list[Prediction] = []
    complete = True
    for page in replicate.pages(created_after=oldest - CLOCKS_DIFFER):
        for raw in page:
            try:
                prediction = read_prediction(raw)
            except MalformedPrediction as error:  # it may be the very one that we look for
                log.warning("malformed_prediction_in_listing", error=str(error))
                complete = False
                continue
            with database.begin() as session:
                ingested = ingest(session, prediction, cause="adopt")
            hints += ingested.hints
            if ingested.result in {"set_aside", "stranger"}:
                unclaimed.append(prediction)
    # Only what was unknown before the listing began: it need not have covered any other.
    for attempt in unknown:
        with database.begin() as session:
            still = select(Attempt).where(Attempt.id == attempt.id, Attempt.outcome == "unknown")
            locked = session.scalars(still.with_for_update()).one_or_none()
            if locked is not None:
                hints += _settle(session, locked, unclaimed, began_at if complete else None)
    return hints


def _close_abandoned(session: Session) -> None:
    """An open attempt whose worker's lease ran out: the worker is dead, or must not go on."""
    abandoned = session.execute(
        select(Attempt.id, Job.id, Job.lease_until)
        .join(Job, Job.id == Attempt.job_id)
        .where(Attempt.outcome == "open", free())
    )
    for attempt_id, job_id, lease_until in abandoned:
        session.execute(
            update(Attempt)
            .where(Attempt.id == attempt_id, Attempt.outcome == "open")
            .values(
                outcome="unknown",
                error="its worker was lost",
                ended_at=lease_until or func.now(),
            )
        )
        # Should that worker wake up after all, its lease is not to be renewed.
        session.execute(
            update(Job)
            .where(Job.id == job_id, free())
            .values(lease_token=Job.lease_token + 1, lease_until=None)
        )


def _settle(
    session: Session, attempt: Attempt, unclaimed: list[Prediction], began_at: datetime | None
) -> list[Hint]:
    """What a listing means for one unknown attempt; one that began at None proves no absence."""
    job = session.get_one(Job, attempt.job_id)
    candidate = next((p for p in unclaimed if _could_be(job, attempt, p)), None)
    if candidate is not None:
        unclaimed.remove(candidate)
        return ingest(session, candidate, cause="adopt", attempt=attempt).hints
    if any(prediction.claimed_by == (job.id, attempt.id) for prediction in unclaimed):
        log.error("prediction_names_us_but_does_not_fit", attempt_id=str(attempt.id))
        return []  # it is there, so nothing is sent again; a person has to look
    if began_at is None:
        return []
    ended_at = attempt.ended_at or began_at
    twice = attempt.listed_at is not None and began_at - attempt.listed_at >= LISTINGS_APART
    if twice and began_at - ended_at >= SETTLE_AFTER:
        _prove_absent(session, job, attempt)
    elif attempt.listed_at is None:
        session.execute(update(Attempt).where(Attempt.id == attempt.id).values(listed_at=began_at))
    return []


def _could_be(job: Job, attempt: Attempt, prediction: Prediction) -> bool:
    """Whether a prediction that names no job of ours is what this attempt asked for."""
    return (
        prediction.claimed_by is None
        and in_window(attempt, prediction)
        and same_target(job, attempt, prediction)
        and (not prediction.input or prediction.input == job.input)
    )


def _prove_absent(session: Session, job: Job, attempt: Attempt) -> None:
    session.execute(
        update(Attempt)
        .where(Attempt.id == attempt.id, Attempt.outcome.in_(UNSETTLED))
        .values(outcome="absent", settled_at=func.now())
    )
    if job.attempt_id == attempt.id:
        move(session, job.id, "queued", cause="adopt", detail="proven absent")
    log.info("attempt_absent", job_id=str(job.id), attempt_id=str(attempt.id))
