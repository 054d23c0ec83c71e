"""The sweep: rows that are due and whose hint must be lost are hinted again.

It also ends what was not submitted in its time, and stops what kills its workers: such a row is
given to no other, and waits for a person.
"""

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, func, null, select, update
from sqlalchemy.orm import Session
from sqlalchemy.sql.dml import ReturningUpdate

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


def _due(*which: ColumnElement[bool], first: Any) -> Select[uuid.UUID]:
    """The due rows that nobody works on and no hint is under way for, in order."""
    unhinted = Job.hinted_at < func.now() - HINT_LASTS
    due = select(Job.id).where(*which, free(), harmless(), unhinted)
    return due.order_by(first).limit(MOST).with_for_update(skip_locked=True)


# What each stage of a job's life finds due, and how it is hinted; built once, since it is asked
# every other second. Queued rows are not here: `admit` takes them. What is to be stored goes by
# when Replicate deletes it. Recording comes before deriving, which takes its time: a job has one
# hint at once.
STORING = among(Job.status, "storing"), Job.next_attempt_at <= func.now()
DELETION = Job.expires_at.nulls_first()
NOT_DELETED = Job.deleted_at.is_(None)
TO_CANCEL = ~among(Job.status, *TERMINAL_STATUSES, "storing")
STAGES = (
    (
        Hint(CREATE_PREDICTION),
        _due(among(Job.status, "submitting"), *due_for_submission(), first=Job.next_attempt_at),
    ),
    (Hint(STORE_OUTPUTS), _due(*STORING, Job.large.is_(False), first=DELETION)),
    (Hint(STORE_OUTPUTS, large=True), _due(*STORING, Job.large.is_(True), first=DELETION)),
    (
        Hint(RECORD_RESULT),
        _due(Job.record_due_at <= func.now(), NOT_DELETED, first=Job.record_due_at),
    ),
    (
        Hint(DERIVE_MEDIA),
        _due(Job.derive_due_at <= func.now(), NOT_DELETED, first=Job.derive_due_at),
    ),
    (
        Hint(CANCEL_PREDICTION),
        _due(Job.cancel_requested_at <= func.now(), TO_CANCEL, first=Job.cancel_requested_at),
    ),
    (Hint(CANCEL_PREDICTION), _due(Job.id.in_(running_duplicates()), first=Job.id)),
)
DUE_DELIVERIES = (
    select(Delivery.webhook_id)
    .where(Delivery.processed_at.is_(None), Delivery.next_attempt_at <= func.now())
    .order_by(Delivery.next_attempt_at)
    .limit(MOST)
    .with_for_update(skip_locked=True)
)
DELIVERIES = (
    update(Delivery)
    .where(Delivery.webhook_id.in_(DUE_DELIVERIES.scalar_subquery()))
    .values(next_attempt_at=func.now() + HINT_LASTS)
    .returning(Delivery.webhook_id)
)
# What was deleted has to go, whoever dies of it: it is tried again each hour, and alarmed.
PUT_OFF_PURGES = (
    update(Job)
    .where(Job.purge_due_at <= func.now(), ~harmless(), free())
    .values(purge_due_at=func.now() + AN_HOUR, crashes=0)
    .returning(Job.id)
)


DIED = f"{MOST_CRASHES} workers died of"


def _poison() -> Iterator[tuple[str, ReturningUpdate[uuid.UUID]]]:
    """For each stage that may kill its workers: its task, and what stops its rows."""
    for task, status in (CREATE_PREDICTION, "submitting"), (STORE_OUTPUTS, "storing"):
        unseen = Job.waiting_reason.is_distinct_from(NEEDS_REVIEW)
        yield task, _stop(among(Job.status, status), unseen, waiting_reason=NEEDS_REVIEW)
    # What is derived may be missing; what is recorded of it is another stage, with its own count.
    warnings = with_warning(f"not derived: {DIED} it")
    underived = {"derive_due_at": null(), "record_due_at": func.now(), "warnings": warnings}
    yield DERIVE_MEDIA, _stop(Job.derive_due_at.is_not(None), **underived, crashes=0)
    yield RECORD_RESULT, _stop(Job.record_due_at.is_not(None), record_due_at=null(), crashes=0)


def _stop(*stuck: ColumnElement[bool], **values: Any) -> ReturningUpdate[uuid.UUID]:
    stopped = update(Job).where(*stuck, ~harmless(), free())
    return stopped.values(updated_at=func.now(), **values).returning(Job.id)


POISON = tuple(_poison())


def sweep(database: Database, waiting: Mapping[str, int]) -> list[Hint]:
    """Hints for what is due: at most 500 a stage, oldest due first.

    `waiting` tells how many messages each queue holds: one that holds more gets none.
    """
    hints: list[Hint] = []
    abort_overdue(database, at_most=MOST)
    with database.begin() as session:
        _stop_poison(session)
        _put_off_purges(session)
        for stage, due in STAGES:
            if waiting.get(stage.queue, 0) < MOST:
                ids = _hinted(session, due)
                hints += [replace(stage, arguments={"job_id": str(id_)}) for id_ in ids]
        if waiting.get(Hint(INGEST_PREDICTION).queue, 0) < MOST:
            hints += _deliveries(session)
        if waiting.get(Hint(SYNC_HISTORY).queue, 0) < MOST:
            hints += hints_of_left_runs(session)
    return hints


def _hinted(session: Session, due: Select[uuid.UUID]) -> list[uuid.UUID]:
    """These rows, in order; now hinted."""
    ids = list(session.scalars(due))
    if ids:
        session.execute(update(Job).where(Job.id.in_(ids)).values(hinted_at=func.now()))
    return ids


def _stop_poison(session: Session) -> None:
    """Set aside, with a dead letter, what was the death of too many workers."""
    for task, stop in POISON:
        for job_id in session.scalars(stop).all():
            error = WorkerLost(f"{DIED} this row, one after the other")
            bury(session, task, {"job_id": str(job_id)}, error, attempts=MOST_CRASHES)
            alarm("poison", task=task, job_id=str(job_id))


def _put_off_purges(session: Session) -> None:
    for job_id in session.scalars(PUT_OFF_PURGES).all():
        alarm("poison", task=PURGE_EXPIRED, job_id=str(job_id))


def _deliveries(session: Session) -> list[Hint]:
    ids = session.scalars(DELIVERIES)
    return [Hint(INGEST_PREDICTION, {"delivery_id": id_}) for id_ in ids]
