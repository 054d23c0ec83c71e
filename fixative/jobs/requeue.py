"""Requeueing dead letters: each is tried again once, however many operators ask.

The row is the work: it is made due in the same transaction, so that the sweep finds it if the hint
that follows is lost.
"""

import uuid
from collections.abc import Iterable
from datetime import timedelta

from sqlalchemy import ColumnElement, func, null, select, update
from sqlalchemy.orm import Session

from fixative.names import DERIVE_MEDIA, INGEST_PREDICTION, Hint
from fixative.postgres.operation_tables import DeadLetter
from fixative.postgres.tables import TERMINAL_STATUSES, Delivery, Job

MOST = 500
LONG_AGO = timedelta(hours=1)


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
    for letter in letters:
        _make_due(session, letter)
    return [Hint(letter.task, letter.arguments) for letter in letters]


def _make_due(session: Session, letter: DeadLetter) -> None:
    hinted_at = func.now() - LONG_AGO
    of_job = update(Job).where(Job.id == letter.job_id)
    if letter.task == DERIVE_MEDIA:
        session.execute(of_job.values(derive_due_at=func.now(), crashes=0, hinted_at=hinted_at))
    elif letter.job_id is not None:
        session.execute(
            of_job.where(Job.status.not_in(TERMINAL_STATUSES)).values(
                crashes=0,
                tries=0,
                next_attempt_at=func.now(),
                waiting_reason=null(),
                hinted_at=hinted_at,
            )
        )
    elif letter.task == INGEST_PREDICTION and "delivery_id" in letter.arguments:
        session.execute(
            update(Delivery)
            .where(Delivery.webhook_id == letter.arguments["delivery_id"])
            .values(processed_at=null(), tries=0, next_attempt_at=func.now())
        )
