"""How it goes, at a glance: what the jobs of the last hour became, and what is under way now.

Reads what is unfinished and what was accepted lately, never history: ids begin with their time.
"""

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, func, select, true
from sqlalchemy.orm import Session

from fixative.jobs.job_query import UNFINISHED
from fixative.postgres.base import among, first_id, written_out
from fixative.postgres.tables import Job, Transition

WINDOW = timedelta(hours=1)
ENDINGS = ("storing", "failed", "canceled")  # what the news of a prediction's end moves a job to


@dataclass(frozen=True)
class Minute:
    """The jobs that were accepted within one minute, and what became of them by now."""

    at: datetime
    accepted: int
    succeeded: int
    failed: int


@dataclass(frozen=True)
class Stage:
    """The unfinished jobs of one status; `due_since` is when the first of them was to be next."""

    status: str
    jobs: int
    due_since: datetime
    oldest: uuid.UUID
    waiting: str | None  # why that one waits


@dataclass(frozen=True)
class Overview:
    """The last hour, and now. Seconds are from acceptance to stored media."""

    minutes: list[Minute]
    stages: list[Stage]
    p50_seconds: float | None
    p95_seconds: float | None
    told_by: dict[str, int]  # ends of predictions, by how we heard of them
    expires_at: datetime | None  # the first output that is not stored yet

    @property
    def accepted(self) -> int:
        """How many jobs came in."""
        return sum(minute.accepted for minute in self.minutes)

    @property
    def success_rate(self) -> float | None:
        """The share of successes among those that have ended well or failed."""
        succeeded = sum(minute.succeeded for minute in self.minutes)
        ended = succeeded + sum(minute.failed for minute in self.minutes)
        return succeeded / ended if ended else None


def overview(session: Session, owner_id: uuid.UUID | None) -> Overview:
    """How it goes for this owner; None: for everybody."""
    lately = _lately(owner_id)
    p50, p95 = _times(session, lately)
    return Overview(
        minutes=minutes_of(session, owner_id),
        stages=_stages(session, owner_id),
        p50_seconds=p50,
        p95_seconds=p95,
        told_by=_told_by(session, lately),
        expires_at=session.scalar(
            select(func.min(Job.expires_at)).where(among(Job.status, "storing"), *_of(owner_id))
        ),
    )


def _of(owner_id: uuid.UUID | None) -> list[ColumnElement[bool]]:
    return [] if owner_id is None else [Job.owner_id == owner_id]


def _lately(owner_id: uuid.UUID | None) -> list[ColumnElement[bool]]:
    return [Job.id >= written_out(first_id(datetime.now(UTC) - WINDOW)), *_of(owner_id)]


def minutes_of(session: Session, owner_id: uuid.UUID | None) -> list[Minute]:
    """The last hour alone, oldest minute first; None: everybody's."""
    minute = func.date_trunc("minute", Job.created_at)
    counts = select(
        minute,
        func.count(),
        func.count().filter(Job.status == "succeeded"),
        func.count().filter(Job.status == "failed"),
    )
    found = counts.where(*_lately(owner_id)).group_by(minute).order_by(minute)
    return [Minute(*row) for row in session.execute(found)]


def _stages(session: Session, owner_id: uuid.UUID | None) -> list[Stage]:
    """In the order of a job's life."""
    stages = []
    for status in UNFINISHED:
        of_stage = [among(Job.status, status), *_of(owner_id)]
        jobs = session.scalar(select(func.count()).where(*of_stage)) or 0
        first = (
            select(Job.next_attempt_at, Job.id, Job.waiting_reason)
            .where(*of_stage)
            .order_by(Job.next_attempt_at)
            .limit(1)
        )
        oldest = session.execute(first).one_or_none()
        if oldest is not None:
            stages.append(Stage(status, jobs, *oldest))
    return stages


def _times(
    session: Session, lately: list[ColumnElement[bool]]
) -> tuple[float | None, float | None]:
    taken = func.extract("epoch", Job.completed_at - Job.created_at)
    cuts = func.percentile_cont([0.5, 0.95]).within_group(taken)
    found = session.scalar(select(cuts).where(*lately, Job.status == "succeeded"))
    return (float(found[0]), float(found[1])) if found else (None, None)


def _told_by(session: Session, lately: list[ColumnElement[bool]]) -> dict[str, int]:
    jobs = select(Job.id).where(*lately).subquery()
    of_job = Transition.job_id == jobs.c.id
    # The offset keeps the plan from reading all moves there ever were beside the few jobs.
    moves = select(Transition.cause).where(of_job, Transition.to_status.in_(ENDINGS)).offset(0)
    end = moves.lateral()
    ends = select(end.c.cause, func.count()).select_from(jobs).join(end, true())
    return dict(session.execute(ends.group_by(end.c.cause)).all())
