"""The sweep: rows that are due and whose hint must be lost are hinted again.

It also stops what kills its workers: such a row is given to no other, and waits for a person.
"""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import Select, case, func, null, or_, select, update
from sqlalchemy.orm import Session

from fixative.errors import WorkerLost
from fixative.jobs.cancel import running_duplicates
from fixative.jobs.dead_letters import bury
from fixative.jobs.store import with_warning
from fixative.jobs.turn import due as due_for_submission
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
from fixative.postgres.leases import MOST_CRASHES, free, harmless
from fixative.postgres.tables import TERMINAL_STATUSES, Delivery, Job
from fixative.telemetry.alarms import alarm

MOST = 500
HINT_LASTS = timedelta(seconds=10)  # so long a hint is believed to be under way


def sweep(database: Database, waiting: Mapping[str, int]) -> list[Hint]:
    """Hints for what is due: at most 500 a stage, oldest due first.

    `waiting` tells how many messages each queue holds: one that holds more gets none.
    """
    hints: list[Hint] = []
    with database.begin() as session:
        _stop_poison(session)
        for task, due in _stages():
            if waiting.get(QUEUE_OF_TASK[task], 0) < MOST:
                hints += [Hint(task, {"job_id": str(id_)}) for id_ in _hinted(session, due)]
        if waiting.get(QUEUE_OF_TASK[INGEST_PREDICTION], 0) < MOST:
            hints += _deliveries(session)
    return hints


def _stages() -> Iterator[tuple[str, Select[Any]]]:
    """What each stage of a job's life finds due. Queued rows are not here: `admit` takes them."""
    now = func.now()
    yield (
        CREATE_PREDICTION,
        select(Job.id)
        .where(Job.status == "submitting", *due_for_submission())
        .order_by(Job.next_attempt_at),
    )
    yield (
        STORE_OUTPUTS,
        select(Job.id)
        .where(Job.status == "storing", Job.next_attempt_at <= now)
        .order_by(Job.next_attempt_at),
    )
    yield (
        DERIVE_MEDIA,
        select(Job.id).where(Job.derive_due_at <= now).order_by(Job.derive_due_at),
    )
    yield (
        CANCEL_PREDICTION,
        select(Job.id)
        .where(Job.cancel_requested_at <= now, Job.status.not_in((*TERMINAL_STATUSES, "storing")))
        .order_by(Job.cancel_requested_at),
    )
    yield CANCEL_PREDICTION, select(Job.id).where(Job.id.in_(running_duplicates()))


def _hinted(session: Session, due: Select[Any]) -> list[Any]:
    """The due rows that nobody works on and no hint is under way for, marked as hinted."""
    chosen = (
        due.where(free(), harmless(), Job.hinted_at < func.now() - HINT_LASTS)
        .limit(MOST)
        .with_for_update(skip_locked=True)
    )
    marked = update(Job).where(Job.id.in_(chosen.scalar_subquery())).values(hinted_at=func.now())
    return list(session.scalars(marked.returning(Job.id)))


def _stop_poison(session: Session) -> None:
    """Set aside, with a dead letter, what was the death of too many workers."""
    deriving = Job.derive_due_at.is_not(None)
    not_derived = with_warning(f"not derived: {MOST_CRASHES} workers died of it")
    stopped = session.execute(
        update(Job)
        .where(
            or_(Job.status.in_(("submitting", "storing")), deriving),
            ~harmless(),
            free(),
            Job.waiting_reason.is_distinct_from("needs_review"),
        )
        .values(
            waiting_reason="needs_review",
            derive_due_at=null(),
            warnings=case((deriving, not_derived), else_=Job.warnings),
            updated_at=func.now(),
        )
        .returning(Job.id, Job.status, Job.crashes)
    )
    tasks = {"submitting": CREATE_PREDICTION, "storing": STORE_OUTPUTS}
    for job_id, status, crashes in stopped.all():
        error = WorkerLost(f"{crashes} workers died of this row, one after the other")
        task = tasks.get(status, DERIVE_MEDIA)
        bury(session, task, {"job_id": str(job_id)}, error, attempts=crashes)
        alarm("poison", task=task, job_id=str(job_id))


def _deliveries(session: Session) -> list[Hint]:
    due = (
        select(Delivery.webhook_id)
        .where(Delivery.processed_at.is_(None), Delivery.next_attempt_at <= func.now())
        .order_by(Delivery.next_attempt_at)
        .limit(MOST)
        .with_for_update(skip_locked=True)
    )
    marked = (
        update(Delivery)
        .where(Delivery.webhook_id.in_(due.scalar_subquery()))
        .values(next_attempt_at=func.now() + HINT_LASTS)
        .returning(Delivery.webhook_id)
    )
    return [Hint(INGEST_PREDICTION, {"delivery_id": id_}) for id_ in session.scalars(marked)]
