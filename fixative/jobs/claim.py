"""Whose is this prediction? Every source asks here: webhook, poll, adoption, our own POST."""

from datetime import timedelta
from enum import Enum

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session, defer

from fixative.postgres.tables import UNSETTLED, Attempt, Job
from fixative.replicate.prediction import Prediction

CLOCKS_DIFFER = timedelta(minutes=5)  # Replicate's clock against ours
HIDDEN_VERSIONS = ("hidden", "dp-", "d-")  # name no version (Replicate's docs, recorded answers)


class Unclaimed(Enum):
    """Why no attempt of ours has this prediction."""

    SET_ASIDE = "set_aside"  # an unsettled attempt might: look again once it is settled
    STRANGER = "stranger"


def claim(session: Session, prediction: Prediction) -> Attempt | Unclaimed:
    """The attempt that made this prediction, now carrying its id; or why there is none.

    In order: its id is known; its own `webhook` field names an attempt that fits; an unsettled
    attempt might have made it; otherwise it is a stranger. Query parameters of a webhook's URL
    are not signed and decide nothing.
    """
    known = session.scalars(
        select(Attempt).where(Attempt.prediction_id == prediction.id).with_for_update()
    ).one_or_none()
    if known is not None:
        return known
    named = _named(session, prediction)
    if named is not None:
        # Its lock was waited for: whoever held it may have attached this very prediction.
        if named.prediction_id == prediction.id or attach(session, named, prediction):
            return session.get_one(Attempt, named.id, populate_existing=True)
        return Unclaimed.STRANGER
    return Unclaimed.SET_ASIDE if _might_be_ours(session, prediction) else Unclaimed.STRANGER


def attach(session: Session, attempt: Attempt, prediction: Prediction) -> bool:
    """Settle the attempt as created with this prediction; False if it has another already."""
    attached = session.scalar(
        update(Attempt)
        .where(Attempt.id == attempt.id, Attempt.prediction_id.is_(None))
        .values(
            prediction_id=prediction.id,
            outcome="created",
            settled_at=func.now(),
            ended_at=func.coalesce(Attempt.ended_at, func.now()),
        )
        .returning(Attempt.id)
    )
    return attached is not None


def same_target(job: Job, attempt: Attempt, prediction: Prediction) -> bool:
    """Whether the prediction is of what the attempt asked for, as far as Replicate tells."""
    if job.deployment:
        return prediction.deployment in (None, job.deployment.partition("/")[2], job.deployment)
    if job.model and prediction.model and job.model != prediction.model:
        return False
    sent, told = attempt.version, prediction.version
    if not sent or not told or told.startswith(HIDDEN_VERSIONS):
        return True
    return sent.rpartition(":")[2] == told


def in_window(attempt: Attempt, prediction: Prediction) -> bool:
    """Whether the attempt's POST can have been what created it."""
    opened = attempt.created_at - CLOCKS_DIFFER
    closed = None if attempt.ended_at is None else attempt.ended_at + CLOCKS_DIFFER
    return opened <= prediction.created_at and (closed is None or prediction.created_at <= closed)


def _named(session: Session, prediction: Prediction) -> Attempt | None:
    """The attempt that the prediction's own webhook names, if target and time agree."""
    if prediction.claimed_by is None:
        return None
    job_id, attempt_id = prediction.claimed_by
    attempt = session.get(Attempt, attempt_id, with_for_update=True)
    if attempt is None or attempt.job_id != job_id or not in_window(attempt, prediction):
        return None
    job = session.get_one(Job, job_id)
    return attempt if same_target(job, attempt, prediction) else None


def _might_be_ours(session: Session, prediction: Prediction) -> bool:
    unsettled = session.execute(
        select(Attempt, Job)
        .join(Job, Job.id == Attempt.job_id)
        .options(defer(Attempt.prediction), defer(Job.input))  # large, and not asked for
        .where(Attempt.outcome.in_(UNSETTLED))
    )
    return any(
        in_window(attempt, prediction) and same_target(job, attempt, prediction)
        for attempt, job in unsettled
    )
