"""Whose turn it is: when a job may be submitted, and by which one worker."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import ColumnElement, bindparam, func, or_, select
from sqlalchemy.orm import Session

from fixative.errors import LostLease
from fixative.jobs.claim import paid_or_unsettled
from fixative.jobs.pauses import paused
from fixative.jobs.store import move
from fixative.postgres.engine import Database
from fixative.postgres.leases import Lease, LeaseKeeper, let_go, take, taking
from fixative.postgres.prepared import Prepared
from fixative.postgres.tables import Job

PREPARING_SECONDS = 600  # at most; the lease is then renewed no more


def due() -> tuple[Any, ...]:
    """The conditions under which a job may be submitted now: above all, nothing may be paid yet.

    Ask in a statement of its own after the row is locked: an EXISTS sees what was committed when
    its statement began, not when the lock was had.
    """
    return (
        Job.status.in_(("queued", "submitting")),
        Job.next_attempt_at <= func.now(),
        Job.cancel_requested_at.is_(None),
        in_time(),
        ~paused(),
        ~paid_or_unsettled(),
    )


def in_time() -> ColumnElement[bool]:
    """The condition that the time within which a job is to be submitted is not over."""
    return or_(Job.deadline.is_(None), Job.deadline > func.now())


LOCK = Prepared[Any](select(Job.id).where(Job.id == bindparam("locked")).with_for_update())
SUBMITTING = taking(Job.status == "submitting", *due())


def lock(session: Session, job: Job) -> None:
    """Hold the job's row until the transaction ends."""
    LOCK.all(session, locked=job.id)


def take_turn(session: Session, job: Job) -> Lease | None:
    """The job in `submitting`, with its lease; None if it is not due, or somebody else has it."""
    lock(session, job)
    move(session, job.id, "submitting", cause="task", came_from={"queued"}, keep_tries=True)
    taken = take(session, job.id, SUBMITTING)
    return taken and taken[0]


@contextmanager
def alone(database: Database, leases: LeaseKeeper, job: Job) -> Iterator[None]:
    """The job is this worker's and no other's while the block runs, and free again afterwards.

    Raises LostLease, before the block, when it is not to be had.
    """
    with database.begin() as session:
        lease = take_turn(session, job)
    if lease is None:
        raise LostLease(f"job {job.id}")
    try:
        with leases.keep(lease, at_most=PREPARING_SECONDS):
            yield
    finally:
        with database.begin() as session:
            let_go(session, lease)
