"""The moves of jobs in the order of their numbers, for whoever follows them: none is left out.

A move has its number when it is inserted, and is seen once it is committed: a smaller number may
turn up after a larger one (ADR 0024).
"""

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, or_, select, text
from sqlalchemy.orm import Session

from fixative.jobs.states import is_terminal
from fixative.postgres.tables import Job, Transition

# Whoever inserts holds this lock from before it takes a number until its end is seen by all.
WRITING = text("""
    SELECT virtualtransaction FROM pg_locks
    WHERE locktype = 'relation' AND relation = 'transitions'::regclass
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND mode = 'RowExclusiveLock' AND granted
""")


@dataclass(frozen=True)
class Move:
    """One move of a job."""

    number: int
    job_id: uuid.UUID
    stream: uuid.UUID | None  # an owner; None: of a job that was brought back
    came_from: str | None
    status: str
    cause: str
    at: datetime

    @property
    def is_last(self) -> bool:
        """Whether the job has ended with it."""
        return is_terminal(self.status)


@dataclass(frozen=True)
class Which:
    """Which moves are followed: a job's, else an owner's, else everybody's.

    What was brought back by a restore or by history is in its job's alone.
    """

    job_id: uuid.UUID | None = None
    owner_id: uuid.UUID | None = None

    def has(self, move: Move) -> bool:
        """Whether a move is one of them."""
        if self.job_id is not None:
            return move.job_id == self.job_id
        return move.stream is not None and self.owner_id in {None, move.stream}


class Frontier:
    """The number up to which nothing is still to come: None until that is known."""

    def __init__(self) -> None:
        self.number: int | None = None
        self._newest = 0
        self._writing: frozenset[str] = frozenset()  # who might bring a number up to the newest

    def advance(self, session: Session) -> None:
        """Look how far it is now. Each statement has to see what is committed by then."""
        newest = newest_move(session)
        if newest == self.number:
            return
        writing = frozenset(session.scalars(WRITING))
        if not writing:
            self.number = newest
        elif self._writing and not self._writing & writing:
            self.number = self._newest
        elif self._writing:
            return  # one of them is writing still
        self._newest, self._writing = newest, writing


def newest_move(session: Session, job_id: uuid.UUID | None = None) -> int:
    """The largest number that is seen, of all moves or of a job's; 0 without any."""
    number = select(func.coalesce(func.max(Transition.id), 0))
    if job_id is not None:
        number = number.where(Transition.job_id == job_id)
    return session.scalars(number).one()


def read_moves(
    session: Session, which: Collection[Which], *, after: int, up_to: int, limit: int
) -> list[Move]:
    """The first `limit` moves of these in that range of numbers, but for those of deleted jobs."""
    rows = (
        select(
            Transition.id,
            Transition.job_id,
            Transition.stream,
            Transition.from_status,
            Transition.to_status,
            Transition.cause,
            Transition.at,
        )
        .join(Job, Job.id == Transition.job_id)
        .where(
            Transition.id > after,
            Transition.id <= up_to,
            _any_of(which),
            Job.deleted_at.is_(None),
        )
        .order_by(Transition.id)
        .limit(limit)
    )
    return [Move(*row) for row in session.execute(rows)]


def end_of(session: Session, job: Job) -> Move | None:
    """The move with which the job has ended; None while it has not."""
    newest = newest_move(session, job.id)
    of_job = [Which(job_id=job.id)]
    moves = read_moves(session, of_job, after=newest - 1, up_to=newest, limit=1)
    return next((move for move in moves if move.is_last), None)


def _any_of(which: Collection[Which]) -> ColumnElement[bool]:
    owners = {each.owner_id for each in which if each.job_id is None}
    jobs = {each.job_id for each in which if each.job_id is not None}
    any_of = [Transition.job_id.in_(jobs)] if jobs else []
    if None in owners:
        any_of.append(Transition.stream.is_not(None))
    elif owners:
        any_of.append(Transition.stream.in_(owners))
    return or_(*any_of)
