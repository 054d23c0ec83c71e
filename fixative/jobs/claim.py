"""Whose is this prediction? Every source asks here: webhook, poll, sync, adoption, our own POST."""

from enum import Enum
from typing import NamedTuple

import structlog
from sqlalchemy import ColumnElement, bindparam, exists, func, or_, select, update
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from fixative.jobs.counted import count_attempt
from fixative.jobs.fitting import in_window, might_have_made, same_target, unsettled_attempts
from fixative.jobs.states import is_terminal
from fixative.jobs.store import current_attempt, reopen
from fixative.postgres.base import made_at
from fixative.postgres.prepared import Prepared, whole
from fixative.postgres.tables import UNSETTLED, Attempt, Job
from fixative.replicate.prediction import Prediction, read_instant
from fixative.telemetry.alarms import alarm

KNOWN = Prepared[tuple[Attempt, Job]](
    select(*whole(Attempt, Job))
    .join(Job, Job.id == Attempt.job_id)
    .where(or_(Attempt.prediction_id == bindparam("prediction"), Attempt.id == bindparam("maker")))
    .with_for_update(),
    *(Attempt, Job),
)
LOCKED = select(Job).where(Job.id == bindparam("of_attempt")).with_for_update()
ATTACH = Prepared[Attempt](
    update(Attempt)
    .where(Attempt.id == bindparam("attached"))
    .values(
        prediction_id=bindparam("its_prediction"),
        prediction=func.coalesce(
            Attempt.prediction, bindparam("told", type_=Attempt.prediction.type)
        ),
        prediction_status=func.coalesce(Attempt.prediction_status, bindparam("told_status")),
        outcome=bindparam("its_outcome"),
        candidates=None,
        settled_at=func.now(),
        ended_at=func.coalesce(Attempt.ended_at, func.now()),
    )
    .returning(*whole(Attempt)),
    Attempt,
)

log = structlog.get_logger(__name__)


class Claimed(NamedTuple):
    """An attempt that made a prediction, and its job; whether that was not known before."""

    job: Job
    attempt: Attempt
    is_news: bool


class Unclaimed(Enum):
    """Why no attempt of ours has this prediction."""

    SET_ASIDE = "set_aside"  # an unsettled attempt might: look again once it is settled
    STRANGER = "stranger"


def claim(
    session: Session, prediction: Prediction, cause: str, made_by: Attempt | None = None
) -> Claimed | Unclaimed:
    """The attempt that made this prediction, now carrying its id, and its job, both locked.

    In order: its id is known; whoever asks knows the attempt (`made_by`); its own `webhook` field
    names an attempt that fits; an unsettled attempt might have made it; otherwise it is a stranger.
    Query parameters of a webhook's URL are not signed and decide nothing.

    An attempt whose place another has taken meanwhile becomes a `duplicate`: paid for twice, to be
    cancelled, and alarmed. One that a restore has lost together with its retry takes the ended job
    along, by this `cause`.
    """
    attempt, job = _known(session, prediction, made_by)
    if attempt is None:
        attempt = _named(session, prediction, cause)
    if attempt is None and not might_have_made(unsettled_attempts(session), prediction):
        attempt, job = _known(session, prediction)  # attached since we looked
        if attempt is None:
            return Unclaimed.STRANGER
    if attempt is None:
        return Unclaimed.SET_ASIDE
    if job is None:
        now = {"populate_existing": True}  # another may have changed it since it was read
        asked = {"of_attempt": attempt.job_id}
        job = session.scalars(LOCKED, asked, execution_options=now).one()
    is_news = attempt.prediction_id != prediction.id
    if attempt.prediction_id is None:
        attempt = _attach(session, job, attempt, prediction)
    elif is_news:
        attempt = _another_of(session, job, attempt, prediction)
    return Claimed(job, attempt, is_news)


def paid_or_unsettled(*of: ColumnElement[bool]) -> ColumnElement[bool]:
    """The condition that an attempt of a job, of these, has a prediction, or may have.

    What came before the job's last retry does not count any more.
    """
    counts = (Attempt.number > Job.retried_after, Attempt.outcome.in_((*UNSETTLED, "created")))
    return exists().where(Attempt.job_id == Job.id, *counts, *of)


def _known(
    session: Session, prediction: Prediction, made_by: Attempt | None = None
) -> tuple[Attempt, Job] | tuple[None, None]:
    """The attempt that has the prediction's id, else the one that is known to have made it.

    With its job, both locked.
    """
    maker = made_by and made_by.id
    found = KNOWN.all(session, prediction=prediction.id, maker=maker)
    for attempt, job in found:
        if attempt.prediction_id == prediction.id:
            return attempt, job
    return found[0] if found else (None, None)


def _named(session: Session, prediction: Prediction, cause: str) -> Attempt | None:
    """The attempt that the prediction's own webhook names, if target and time agree."""
    if prediction.claimed_by is None:
        return None
    job_id, attempt_id = prediction.claimed_by
    attempt = session.get(Attempt, attempt_id, with_for_update=True, populate_existing=True)
    if attempt is None:
        return _lost(session, prediction, cause)
    if attempt.job_id != job_id or not in_window(attempt, prediction):
        return None
    job = session.get_one(Job, job_id)
    return attempt if same_target(job, attempt, prediction) else None


def _lost(session: Session, prediction: Prediction, cause: str) -> Attempt | None:
    """An attempt that a restore has lost, made anew; or the one that stands in for it.

    Its job must be known, and ask for what the prediction is of. Where it had ended before, the
    retry was lost that the attempt was made by: it is retried once more.
    """
    assert prediction.claimed_by is not None  # noqa: S101 - asked of such only
    job_id, attempt_id = prediction.claimed_by
    standing_in = session.scalars(
        select(Attempt)
        .where(Attempt.job_id == job_id, Attempt.stands_in, Attempt.outcome == "unknown")
        .with_for_update()
    ).one_or_none()
    job = session.get(Job, job_id, with_for_update=True, populate_existing=True)
    if job is None:
        return None
    made = session.get(Attempt, attempt_id)  # by somebody who had the job's lock before us
    attempt = (
        made
        or standing_in
        or Attempt(
            id=attempt_id,
            job_id=job_id,
            number=_next_number(session, job),
            outcome="unknown",
            created_at=prediction.created_at,
            ended_at=prediction.created_at,
        )
    )
    if not same_target(job, attempt, prediction):
        return None
    if attempt not in (made, standing_in):
        if _came_after_the_end(session, job, prediction):
            detail = "retried, which a restore had lost"
            reopen(session, job_id, "queued", cause=cause, detail=detail)
        session.add(attempt)
        session.flush()
        log.info("attempt_made_anew", job_id=str(job_id), attempt_id=str(attempt_id))
    return attempt


def _came_after_the_end(session: Session, job: Job, prediction: Prediction) -> bool:
    """Whether an attempt that is not known began after its job had ended.

    Where the end was that of a prediction, by the times that Replicate gave the two; else by our
    own, since the attempt's id tells when it began.
    """
    assert prediction.claimed_by is not None  # noqa: S101 - asked of such only
    if job.completed_at is None or job.deleted_at is not None:
        return False
    attempt = current_attempt(session, job)
    last = (attempt.prediction or {}).get("created_at") if attempt else None
    if last is not None:
        return prediction.created_at > read_instant(last)
    began_at = made_at(prediction.claimed_by[1])
    return began_at is not None and began_at > job.completed_at


def _next_number(session: Session, job: Job) -> int:
    made = select(func.count()).where(Attempt.job_id == job.id)
    return session.scalars(made).one() + 1


def _attach(session: Session, job: Job, attempt: Attempt, prediction: Prediction) -> Attempt:
    """The attempt settled by its prediction: created, or a duplicate if its place is taken."""
    outcome = "duplicate" if _superseded(session, job, attempt) else "created"
    was_unknown = attempt.outcome == "unknown"
    its = {
        "attached": attempt.id,
        "its_prediction": prediction.id,
        "its_outcome": outcome,
        "told": prediction.raw,
        "told_status": prediction.status,
    }
    (attempt,) = ATTACH.all(session, **its)
    count_attempt(session, outcome, adopted=was_unknown)
    if outcome == "duplicate":
        _say_paid_twice(job, attempt, prediction)
    elif job.attempt_id != attempt.id:
        session.execute(update(Job).where(Job.id == job.id).values(attempt_id=attempt.id))
        job.attempt_id = attempt.id
    return attempt


def _superseded(session: Session, job: Job, attempt: Attempt) -> bool:
    """Whether another attempt has this one's place, or the job ended or was retried without it."""
    if job.attempt_id == attempt.id and attempt.outcome in UNSETTLED:
        return False
    if is_terminal(job.status) or attempt.number <= job.retried_after:
        return True
    another = select(Job.id).where(Job.id == job.id, paid_or_unsettled(Attempt.id != attempt.id))
    return session.scalar(another) is not None


def _another_of(session: Session, job: Job, attempt: Attempt, prediction: Prediction) -> Attempt:
    """A second prediction of one POST: an attempt of its own, and a duplicate."""
    another = Attempt(
        id=uuid7(),
        job_id=job.id,
        number=_next_number(session, job),
        version=attempt.version,
        outcome="duplicate",
        created_at=prediction.created_at,
        ended_at=prediction.created_at,
        settled_at=func.now(),
        prediction_id=prediction.id,
    )
    session.add(another)
    session.flush()
    session.refresh(another)
    count_attempt(session, "duplicate")
    _say_paid_twice(job, another, prediction)
    return another


def _say_paid_twice(job: Job, attempt: Attempt, prediction: Prediction) -> None:
    alarm(
        "paid_twice",
        job_id=str(job.id),
        attempt_id=str(attempt.id),
        prediction_id=prediction.id,
    )
