"""Deletion: what a finished job was goes, and a tombstone stays, so that nothing brings it back.

From the commit on nobody is shown anything of it. Its objects leave the bucket by the purge.
"""

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, case, delete, exists, func, null, select, update
from sqlalchemy.orm import Session

from fixative.errors import Conflict
from fixative.jobs.states import is_terminal
from fixative.names import PURGE_EXPIRED, Hint
from fixative.postgres.notes import Note
from fixative.postgres.notification_tables import Notification
from fixative.postgres.operation_tables import DeadLetter
from fixative.postgres.tables import Attempt, Batch, Delivery, Job, Transition

# The idempotency key is free again: it is kept for as long as the job is.
EMPTIED: dict[str, Any] = {
    "input": {},
    **dict.fromkeys(
        ("metadata_", "label", "error", "warnings", "idempotency_key", "request_hash", "cache_key"),
        null(),
    ),
    **dict.fromkeys(("webhook", "webhook_events"), null()),
    **dict.fromkeys(("derive_due_at", "record_due_at", "waiting_reason"), null()),
    "crashes": 0,
}


def written_too_late(session: Session, job_id: uuid.UUID) -> None:
    """An object was written by a worker whose lease had ended: put right what that may have undone.

    A deleted job is purged once more. The manifest of any other ended one is written anew.
    """
    deleted = Job.deleted_at.is_not(None)
    session.execute(
        update(Job)
        .where(Job.id == job_id, Job.completed_at.is_not(None))
        .values(
            purge_due_at=case((deleted, func.now()), else_=Job.purge_due_at),
            record_due_at=case((deleted, null()), else_=func.now()),
        )
    )


def delete_job(session: Session, job: Job) -> list[Hint]:
    """Delete a finished job: input, output, logs and metadata now, its files by the hint.

    Raises Conflict while the job is unfinished.
    """
    locked = session.get_one(Job, job.id, with_for_update=True, populate_existing=True)
    if not is_terminal(locked.status):
        raise Conflict(f"the job is {locked.status}: cancel it first, or wait for its end")
    bury_jobs(session, Job.id == job.id)
    return [Hint(PURGE_EXPIRED)]


def bury_jobs(session: Session, chosen: ColumnElement[bool]) -> list[tuple[uuid.UUID, uuid.UUID]]:
    """Make tombstones of the chosen jobs, which have ended; their ids, each with its owner's."""
    buried = session.execute(
        update(Job)
        .where(chosen, Job.deleted_at.is_(None), Job.completed_at.is_not(None))
        .values(deleted_at=func.now(), purge_due_at=func.now(), updated_at=func.now(), **EMPTIED)
        .returning(Job.id, Job.owner_id)
    ).all()
    gone = [job_id for job_id, _ in buried]
    attempts = select(Attempt.prediction_id).where(Attempt.job_id.in_(gone))
    session.execute(delete(Delivery).where(Delivery.prediction_id.in_(attempts)))
    session.execute(delete(DeadLetter).where(DeadLetter.job_id.in_(gone)))
    session.execute(delete(Notification).where(Notification.job_id.in_(gone)))
    session.execute(delete(Note).where(Note.job_id.in_(gone)))
    told = update(Transition).where(Transition.job_id.in_(gone), Transition.detail.is_not(None))
    session.execute(told.values(detail=null()))
    _forget_batches(session, gone)
    # The ids stay: by them whatever Replicate still tells is known to be of no use.
    session.execute(
        update(Attempt)
        .where(Attempt.job_id.in_(gone))
        .values(prediction=null(), input=null(), error=null(), candidates=null())
    )
    return [(job_id, owner_id) for job_id, owner_id in buried]


def _forget_batches(session: Session, gone: Sequence[uuid.UUID]) -> None:
    """A batch goes with the last of its jobs, and its key is free again."""
    theirs = select(Job.batch_id).where(Job.id.in_(gone), Job.batch_id.is_not(None))
    left = exists().where(Job.batch_id == Batch.id, Job.deleted_at.is_(None))
    session.execute(delete(Batch).where(Batch.id.in_(theirs), ~left))
