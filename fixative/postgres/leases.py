"""Leases: a row is one worker's for 30 s at a time, and a token fences off the one before.

A lease is taken by an UPDATE that raises `lease_token`. Every later write of that work names the
token, so a worker that slept through its lease changes nothing. One thread a process renews what
the process holds.

Taking also counts a crash, and every orderly end takes that back: what stays counted are workers
that never came back. A row that many have died of is given to no other.
"""

import math
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import structlog
from sqlalchemy import (
    ColumnElement,
    and_,
    bindparam,
    func,
    or_,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.orm import Session

from fixative.errors import LostLease
from fixative.postgres.engine import Database
from fixative.postgres.notes import note
from fixative.postgres.prepared import Prepared, whole
from fixative.postgres.tables import Job

LEASE_SECONDS = 30
RENEW_SECONDS = 10
RENEW_AGAIN_SECONDS = 2
MOST_CRASHES = 10

Taking = Prepared[Job]

log = structlog.get_logger(__name__)


@dataclass
class Lease:
    """The right to work on a job; instants are on this process's monotonic clock."""

    job_id: uuid.UUID
    token: int
    held_until: float
    lost: bool = field(default=False)
    renew_until: float = field(default=math.inf)

    def check(self) -> None:
        """Raise LostLease unless the row is still ours for certain."""
        if self.lost or time.monotonic() >= self.held_until:
            raise LostLease(f"job {self.job_id}")


def free() -> ColumnElement[bool]:
    """The condition that nobody holds the job's lease."""
    return or_(Job.lease_until.is_(None), Job.lease_until < func.now())


def mine(lease: Lease) -> ColumnElement[bool]:
    """The condition that this lease is still the job's newest."""
    return and_(Job.id == lease.job_id, Job.lease_token == lease.token)


def harmless() -> ColumnElement[bool]:
    """The condition that the job has not been the death of too many workers."""
    return Job.crashes < MOST_CRASHES


def taking(*conditions: ColumnElement[bool]) -> Taking:
    """What takes the lease of a job for which these hold, for `take`; to be built once."""
    return Prepared(
        update(Job)
        .where(Job.id == bindparam("taken"), free(), harmless(), *conditions)
        .values(
            lease_token=Job.lease_token + 1,
            lease_until=func.now() + text(f"interval '{LEASE_SECONDS} seconds'"),
            tries=Job.tries + 1,
            crashes=Job.crashes + 1,
            hinted_at=func.now(),
        )
        .returning(*whole(Job)),
        Job,
    )


FREE = taking()


def take(session: Session, job_id: uuid.UUID, due: Taking = FREE) -> tuple[Lease, Job] | None:
    """The job's lease, if it is free and what is `due` holds; counts the try, and a crash.

    With it the row as it is now. A crash that was counted before is noted: whoever had the lease
    is not coming back.
    """
    asked_at = time.monotonic()
    job = due.first(session, taken=job_id)
    if job is None:
        return None
    if job.crashes > 1:
        times = f"{job.crashes - 1} of at most {MOST_CRASHES}"
        note(session, job_id, "lost", detail=f"its worker never came back, {times}")
    return Lease(job_id, job.lease_token, asked_at + LEASE_SECONDS), job


def let_go(session: Session, lease: Lease, **values: Any) -> bool:
    """An orderly end that moves nothing: the row is anybody's again; False if it was not ours."""
    ended = update(Job).where(mine(lease)).values(lease_until=None, crashes=0, **values)
    return session.scalar(ended.returning(Job.id)) is not None


# The job of a lease that still holds, its row locked; nothing if another has taken it, or it was
# deleted meanwhile.
OF_LEASE = (
    select(Job.id)
    .where(
        Job.id == bindparam("taken"),
        Job.lease_token == bindparam("token"),
        Job.deleted_at.is_(None),
    )
    .with_for_update()
)
HELD = Prepared[Any](OF_LEASE)


def still_mine(session: Session, lease: Lease) -> None:
    """Lock the job's row until the transaction ends.

    Raises LostLease if another has taken it, or it was deleted meanwhile.
    """
    if HELD.first(session, taken=lease.job_id, token=lease.token) is None:
        raise LostLease(f"job {lease.job_id}")


class LeaseKeeper:
    """Renews every lease this process is working under, from one thread."""

    def __init__(self, database: Database, every_seconds: float = RENEW_SECONDS) -> None:
        self._database = database
        self._every_seconds = every_seconds
        self._held: dict[tuple[uuid.UUID, int], Lease] = {}
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    @contextmanager
    def keep(self, lease: Lease, *, at_most: float) -> Iterator[Lease]:
        """Renew `lease` until the block ends; the work's own last move ends it in the row.

        After `at_most` seconds it is renewed no more: work that hangs is somebody else's then.
        """
        lease.renew_until = time.monotonic() + at_most
        with self._lock:
            self._held[lease.job_id, lease.token] = lease
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="leases", daemon=True)
                self._thread.start()
        try:
            yield lease
        finally:
            with self._lock:
                self._held.pop((lease.job_id, lease.token), None)

    def close(self) -> None:
        """Stop renewing; what is still held runs out by itself."""
        self._stop.set()

    def _run(self) -> None:
        pause = self._every_seconds
        while not self._stop.wait(pause):
            pause = self._every_seconds
            with self._lock:
                now = time.monotonic()
                leases = [lease for lease in self._held.values() if now < lease.renew_until]
            if not leases:
                continue
            try:
                self._renew(leases)
            except Exception as error:  # noqa: BLE001 - the thread must live; the next round tries
                pause = min(RENEW_AGAIN_SECONDS, self._every_seconds)
                log.warning("leases_not_renewed", error=f"{type(error).__name__}: {error}")

    def _renew(self, leases: list[Lease]) -> None:
        asked_at = time.monotonic()
        # One connection that has fallen silent costs a round, not every lease.
        with self._database.begin(patience=RENEW_SECONDS) as session:
            renewed = session.execute(
                update(Job)
                .where(
                    tuple_(Job.id, Job.lease_token).in_([(e.job_id, e.token) for e in leases]),
                    Job.lease_until >= func.now(),
                )
                .values(lease_until=func.now() + text(f"interval '{LEASE_SECONDS} seconds'"))
                .returning(Job.id, Job.lease_token)
            )
            still_held = {(job_id, token) for job_id, token in renewed}
        for lease in leases:
            if (lease.job_id, lease.token) in still_held:
                lease.held_until = asked_at + LEASE_SECONDS
            else:
                lease.lost = True
