"""Admission in turn: the first in the queue of all owners, as many as there are tokens."""

import uuid
from datetime import timedelta

from sqlalchemy import ColumnElement, func, or_, select, update
from sqlalchemy.orm import Session

from fixative.jobs.claim import paid_or_unsettled
from fixative.jobs.pauses import paused
from fixative.jobs.store import move
from fixative.jobs.turn import in_time
from fixative.names import CREATE_PREDICTION, Hint
from fixative.postgres.base import among
from fixative.postgres.engine import Database
from fixative.postgres.leases import free, harmless
from fixative.postgres.notes import note_of_each
from fixative.postgres.operation_tables import Pause
from fixative.postgres.tables import Job
from fixative.replicate.pace import Pace

BATCH = 100
FRESH_HINT = timedelta(seconds=1)


def _due() -> tuple[ColumnElement[bool], ...]:
    return among(Job.status, "queued"), Job.next_attempt_at <= func.now()


# A job just accepted has a hint under way, which takes it if there is a token.
NOT_JUST_ACCEPTED = or_(Job.waiting_reason.is_not(None), Job.hinted_at < func.now() - FRESH_HINT)
# Built once: asked every second.
ANY_PAUSE = select(Pause.scope).limit(1)
FIRST = (
    select(Job.id, Job.waiting_reason)
    .where(*_due(), ~paused(), in_time(), NOT_JUST_ACCEPTED)
    .order_by(Job.fair_at)
    .limit(BATCH)
)


def admit(database: Database, pace: Pace) -> tuple[list[Hint], bool]:
    """Move the first due jobs to `submitting`, each with its token paid.

    Answers hints for them, and whether others still wait for a token.
    """
    with database.begin() as session:
        if session.scalar(ANY_PAUSE) is not None:
            _tell_why(session, "paused", *_due(), paused())
            _tell_why(session, "paused", *_admitted_and_unsent(), paused())
        first = session.execute(FIRST).all()
    if not first:
        return [], False
    grant = pace.take(len(first), in_turn=True)
    with database.begin() as session:
        admitted = [job.id for job in first[: grant.granted] if _admitted(session, job.id)]
        left = first[grant.granted :]
        if any(job.waiting_reason != grant.reason for job in left):
            _tell_why(session, grant.reason, *_due(), ~paused())
    hints = [Hint(CREATE_PREDICTION, {"job_id": str(job_id)}) for job_id in admitted]
    return hints, bool(left) or len(first) == BATCH


def _admitted_and_unsent() -> tuple[ColumnElement[bool], ...]:
    submitting = among(Job.status, "submitting")
    return submitting, Job.next_attempt_at <= func.now(), free(), harmless(), ~paid_or_unsettled()


def _admitted(session: Session, job_id: uuid.UUID) -> bool:
    return move(session, job_id, "submitting", cause="task", came_from={"queued"}, keep_tries=True)


def _tell_why(session: Session, reason: str, *which: ColumnElement[bool]) -> None:
    """Say on every such row, and in its notes, why it waits; once, when the reason changes."""
    waits = (
        update(Job)
        .where(*which, Job.waiting_reason.is_distinct_from(reason))
        .values(waiting_reason=reason)
    )
    note_of_each(session, waits.returning(Job.id), "wait", reason)
