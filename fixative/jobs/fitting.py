"""Whether an attempt can have made a prediction: by its target, and by its time."""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import select, true
from sqlalchemy.orm import Session, aliased, defer

from fixative.postgres.base import among
from fixative.postgres.tables import UNSETTLED, Attempt, Job
from fixative.replicate.prediction import Prediction

CLOCKS_DIFFER = timedelta(minutes=5)  # Replicate's clock against ours
HIDDEN_VERSIONS = ("hidden", "dp-", "d-")  # name no version (Replicate's docs, recorded answers)


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


def unsettled_attempts(session: Session) -> Sequence[tuple[Attempt, Job]]:
    """The attempts of which nobody knows yet whether they made a prediction, with their jobs."""
    # Each job by its primary key: a plan that is kept of a plain join may scan them all.
    its_job = aliased(Job, select(Job).where(Job.id == Attempt.job_id).limit(1).lateral())
    unsettled = session.execute(
        select(Attempt, its_job)
        .join(its_job, true())
        .options(defer(Attempt.prediction), defer(its_job.input))  # large, and not asked for
        .where(among(Attempt.outcome, *UNSETTLED))
    )
    return [(attempt, job) for attempt, job in unsettled]


def might_have_made(unsettled: Sequence[tuple[Attempt, Job]], prediction: Prediction) -> bool:
    """Whether one of them can have made it, by time and target."""
    return any(
        in_window(attempt, prediction) and same_target(job, attempt, prediction)
        for attempt, job in unsettled
    )
