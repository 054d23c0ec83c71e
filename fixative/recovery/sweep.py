"""The sweep: rows that are due and whose hint must be lost are hinted again.

It also ends what was not submitted in its time, and stops what kills its workers: such a row is
given to no other, and waits for a person.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, null, select, update
from sqlalchemy.orm import Session

from fixative.errors import WorkerLost
from fixative.jobs.cancel import running_duplicates
from fixative.jobs.dead_letters import bury
from fixative.jobs.overdue import abort_overdue
from fixative.jobs.states import NEEDS_REVIEW
from fixative.jobs.store import with_warning
from fixative.jobs.turn import due as due_for_submission
from fixative.names import (
    CANCEL_PREDICTION,
    CREATE_PREDICTION,
    DERIVE_MEDIA,
    INGEST_PREDICTION,
    PURGE_EXPIRED,
    RECORD_RESULT,
    STORE_OUTPUTS,
    SYNC_HISTORY,
    Hint,
)
from fixative.postgres.base import among
from fixative.postgres.engine import Database
from fixative.postgres.leases import MOST_CRASHES, free, harmless
from fixative.postgres.tables import TERMINAL_STATUSES, Delivery, Job
from fixative.recovery.history_runs import hints_of_left_runs
from fixative.telemetry.alarms import alarm

MOST = 500
AN_HOUR = timedelta(hours=1)
HINT_LASTS = timedelta(seconds=10)  # so long a hint is believed to be under way


def sweep(database: Database, waiting: Mapping[str, int]) -> list[Hint]:
    """Hints for what is due: at most 500 a stage, oldest due first.

    `waiting` tells how many messages each queue holds: one that holds more gets none.
    """
    hints: list[Hint] = []
    abort_overdue(database, at_most=MOST)
    with database.begin() as session:
        _stop_poison(session)
        _put_off_purges(session)
        for stage, due in _stages():
            if waiting.get(stage.queue, 0) < MOST:
                ids = _hinted(session, due)
                hints += [replace(stage, arguments={"job_id": str(id_)}) for id_ in ids]
        if waiting.get(Hint(INGEST_PREDICTION).queue, 0) < MOST:
            hints += _deliveries(session)
        if waiting.get(Hint(SYNC_HISTORY).queue, 0) < MOST:
            hints += hints_of_left_runs(session)
    return hints


def _stages() -> Iterator[tuple[Hint, Select[Any]]]:
    """What each stage of a job's life finds due, and how it is hinted.

    Queued rows are not here: `admit` takes them. What is to be stored goes by when Replicate
    deletes it.
    """
    now = func.now()
    yield (
        Hint(CREATE_PREDICTION),
        select(Job.id)
        .where(among(Job.status, "submitting"), *due_for_submission())
        .order_by(Job.next_attempt_at),
    )
    storing = (
        select(Job.id)
        .where(among(Job.status, "storing"), Job.next_attempt_at <= now)
        .order_by(Job.expires_at.nulls_first())
    )
    yield Hint(STORE_OUTPUTS), storing.where(~Job.large)
    yield Hint(STORE_OUTPUTS, large=True), storing.where(Job.large)
    yield (
        Hint(RECORD_RESULT),  # before deriving, which takes its time: a job has one hint at once
        select(Job.id)
        .where(Job.record_due_at <= now, Job.deleted_at.is_(None))
        .order_by(Job.record_due_at),
    )
    yield (
        Hint(DERIVE_MEDIA),
        select(Job.id)
        .where(Job.derive_due_at <= now, Job.deleted_at.is_(None))
        .order_by(Job.derive_due_at),
    )
    yield (
        Hint(CANCEL_PREDICTION),
        select(Job.id)
        .where(Job.cancel_requested_at <= now, ~among(Job.status, *TERMINAL_STATUSES, "storing"))
        .order_by(Job.cancel_requested_at),
    )
    yield Hint(CANCEL_PREDICTION), select(Job.id).where(Job.id.in_(running_duplicates()))


def _hinted(session: Session, due: Select[Any]) -> list[Any]:
    """The due rows that nobody works on and no hint is under way for, in order; now hinted."""
    chosen = (
        due.where(free(), harmless(), Job.hinted_at < func.now() - HINT_LASTS)
        .limit(MOST)
        .with_for_update(skip_locked=True)
    )
    ids = list(session.scalars(chosen))
    if ids:
        session.execute(update(Job).where(Job.id.in_(ids)).values(hinted_at=func.now()))
    return ids


def _stop_poison(session: Session) -> None:
    """Set aside, with a dead letter, what was the death of too many workers."""
    died = f"{MOST_CRASHES} workers died of"
    for task, stuck, values in _stuck(with_warning(f"not derived: {died} it")):
        stopped = session.scalars(
            update(Job)
            .where(stuck, ~harmless(), free())
            .values(updated_at=func.now(), **values)
            .returning(Job.id)
        )
        for job_id in stopped.all():
            error = WorkerLost(f"{died} this row, one after the other")
            bury(session, task, {"job_id": str(job_id)}, error, attempts=MOST_CRASHES)
            alarm("poison", task=task, job_id=str(job_id))


def _put_off_purges(session: Session) -> None:
    """What was deleted has to go, whoever dies of it: it is tried again each hour, and alarmed."""
    put_off = (
        update(Job)
        .where(Job.purge_due_at <= func.now(), ~harmless(), free())
        .values(purge_due_at=func.now() + AN_HOUR, crashes=0)
        .returning(Job.id)
    )
    for job_id in session.scalars(put_off).all():
        alarm("poison", task=PURGE_EXPIRED, job_id=str(job_id))


def _stuck(warnings: Any) -> Iterator[tuple[str, ColumnElement[bool], dict[str, Any]]]:
    """For each stage that may kill its workers: its task, its rows, and what becomes of them."""
    for task, status in (CREATE_PREDICTION, "submitting"), (STORE_OUTPUTS, "storing"):
        unseen = Job.waiting_reason.is_distinct_from(NEEDS_REVIEW)
        yield task, and_(among(Job.status, status), unseen), {"waiting_reason": NEEDS_REVIEW}
    # What is derived may be missing; what is recorded of it is another stage, with its own count.
    underived = {"derive_due_at": null(), "record_due_at": func.now(), "warnings": warnings}
    yield DERIVE_MEDIA, Job.derive_due_at.is_not(None), {**underived, "crashes": 0}
    yield RECORD_RESULT, Job.record_due_at.is_not(None), {"record_due_at": null(), "crashes": 0}


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
