"""The sweep: rows that are due and whose hint must be lost are hinted again."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import Select, func, select, update
from sqlalchemy.orm import Session

from fixative.jobs.submit import due as due_for_submission
from fixative.names import (
    CANCEL_PREDICTION,
    CREATE_PREDICTION,
    DERIVE_MEDIA,
    INGEST_PREDICTION,
    QUEUE_OF_TASK,
    STORE_OUTPUTS,
    Hint,
)
from fixative.postgres.engine import Database
from fixative.postgres.leases import free
from fixative.postgres.tables import TERMINAL_STATUSES, Delivery, Job

MOST = 500
MOST_TRIES = 200  # of a delivery that no reading ends well for; its row stays
HINT_LASTS = timedelta(seconds=10)  # so long a hint is believed to be under way


def sweep(database: Database, waiting: Mapping[str, int]) -> list[Hint]:
    """Hints for what is due: at most 500 a stage, oldest due first.

    `waiting` tells how many messages each queue holds: one that holds more gets none.
    """
    hints: list[Hint] = []
    with database.begin() as session:
        for task, due in _stages().items():
            if waiting.get(QUEUE_OF_TASK[task], 0) < MOST:
                hints += [Hint(task, {"job_id": str(id_)}) for id_ in _hinted(session, due)]
        if waiting.get(QUEUE_OF_TASK[INGEST_PREDICTION], 0) < MOST:
            hints += _deliveries(session)
    return hints


def _stages() -> dict[str, Select[Any]]:
    """What each stage of a job's life finds due. Queued rows are not here: `admit` takes them."""
    now = func.now()
    return {
        CREATE_PREDICTION: select(Job.id)
        .where(Job.status == "submitting", *due_for_submission())
        .order_by(Job.next_attempt_at),
        STORE_OUTPUTS: select(Job.id)
        .where(Job.status == "storing", Job.next_attempt_at <= now)
        .order_by(Job.next_attempt_at),
        DERIVE_MEDIA: select(Job.id).where(Job.derive_due_at <= now).order_by(Job.derive_due_at),
        CANCEL_PREDICTION: select(Job.id)
        .where(Job.cancel_requested_at <= now, Job.status.not_in((*TERMINAL_STATUSES, "storing")))
        .order_by(Job.cancel_requested_at),
    }


def _hinted(session: Session, due: Select[Any]) -> list[Any]:
    """The due rows that nobody works on and no hint is under way for, marked as hinted."""
    chosen = (
        due.where(free(), Job.hinted_at < func.now() - HINT_LASTS)
        .limit(MOST)
        .with_for_update(skip_locked=True)
    )
    marked = update(Job).where(Job.id.in_(chosen.scalar_subquery())).values(hinted_at=func.now())
    return list(session.scalars(marked.returning(Job.id)))


def _deliveries(session: Session) -> list[Hint]:
    due = (
        select(Delivery.webhook_id)
        .where(
            Delivery.processed_at.is_(None),
            Delivery.next_attempt_at <= func.now(),
            Delivery.tries < MOST_TRIES,
        )
        .order_by(Delivery.next_attempt_at)
        .limit(MOST)
        .with_for_update(skip_locked=True)
    )
    marked = (
        update(Delivery)
        .where(Delivery.webhook_id.in_(due.scalar_subquery()))
        .values(next_attempt_at=func.now() + HINT_LASTS, tries=Delivery.tries + 1)
        .returning(Delivery.webhook_id)
    )
    return [Hint(INGEST_PREDICTION, {"delivery_id": id_}) for id_ in session.scalars(marked)]
