"""Requeueing dead letters: each is tried again once, however many operators ask.

The row is the work: it is made due in the same transaction, so that the sweep finds it if the hint
that follows is lost.
"""

import uuid
from collections.abc import Iterable, Sequence
from datetime import timedelta

from sqlalchemy import ColumnElement, func, null, select, update
from sqlalchemy.orm import Session

from fixative.names import DERIVE_MEDIA, INGEST_PREDICTION, RECORD_RESULT, Hint
from fixative.postgres.operation_tables import DeadLetter
from fixative.postgres.tables import TERMINAL_STATUSES, Delivery, Job

MOST = 500
LONG_AGO = timedelta(hours=1)
AFTER_THE_END = {DERIVE_MEDIA: "derive_due_at", RECORD_RESULT: "record_due_at"}


def requeue(
    session: Session, *, ids: Iterable[uuid.UUID] | None = None, task: str | None = None
) -> list[Hint]:
    """Have open letters tried again: those named, those of a task, or all; at most 500 at once.

    Answers their hints; as many as 500 mean that there may be more.
    """
    chosen: list[ColumnElement[bool]] = [DeadLetter.requeued_at.is_(None)]
    if ids is not None:
        chosen.append(DeadLetter.id.in_(list(ids)))
    if task is not None:
        chosen.append(DeadLetter.task == task)
    oldest = select(DeadLetter.id).where(*chosen).order_by(DeadLetter.id).limit(MOST)
    letters = session.scalars(
        update(DeadLetter)
        .where(DeadLetter.id.in_(oldest.with_for_update(skip_locked=True).scalar_subquery()))
        .values(requeued_at=func.now())
        .returning(DeadLetter)
    ).all()
    _make_due(session, letters)
    return [Hint(letter.task, letter.arguments) for letter in letters]


def _make_due(session: Session, letters: Sequence[DeadLetter]) -> None:
    """Make the rows of the letters due; one that has none, or an ended job, is only hinted."""
    by_task = {task: [e.job_id for e in letters if e.task == task] for task in AFTER_THE_END}
    others = [letter.job_id for letter in letters if letter.task not in AFTER_THE_END]
    reading = [
        str(letter.arguments["delivery_id"])  # by hand it may be called with anything
        for letter in letters
        if letter.task == INGEST_PREDICTION and "delivery_id" in letter.arguments
    ]
    afresh = {"crashes": 0, "waiting_reason": null(), "hinted_at": func.now() - LONG_AGO}
    for task, due_at in AFTER_THE_END.items():
        session.execute(
            update(Job)  # until a job ends there is nothing to derive from, or to record
            .where(Job.id.in_(by_task[task]), Job.status.in_(TERMINAL_STATUSES))
            .values({due_at: func.now(), **afresh})
        )
    session.execute(
        update(Job)
        .where(Job.id.in_(others), Job.status.not_in(TERMINAL_STATUSES))
        .values(tries=0, next_attempt_at=func.now(), **afresh)
    )
    session.execute(
        update(Delivery)
        .where(Delivery.webhook_id.in_(reading))
        .values(processed_at=null(), tries=0, next_attempt_at=func.now())
    )
