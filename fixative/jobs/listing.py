"""Lists of jobs, a page at a time, and what is left to do, in numbers."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session, defer

from fixative.jobs.states import FORWARD
from fixative.postgres.base import among
from fixative.postgres.tables import Job


@dataclass(frozen=True)
class JobQuery:
    """Which jobs to list; None leaves a thing open."""

    owner_id: uuid.UUID | None = None
    status: str | None = None
    model: str | None = None
    job_type: str | None = None
    label: str | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None


def list_jobs(
    session: Session, query: JobQuery, *, before: uuid.UUID | None, limit: int
) -> list[Job]:
    """The newest `limit` jobs older than the job `before`, without their inputs."""
    page = select(Job).options(defer(Job.input, raiseload=True))
    for name in ("owner_id", "status", "model", "job_type", "label"):
        if (value := getattr(query, name)) is not None:
            page = page.where(getattr(Job, name) == value)
    if query.created_after is not None:
        page = page.where(Job.created_at >= query.created_after)
    if query.created_before is not None:
        page = page.where(Job.created_at < query.created_before)
    page = page.where(Job.deleted_at.is_(None))
    if before is not None:
        page = page.where(Job.id < before)
    return list(session.scalars(page.order_by(Job.id.desc()).limit(limit)))


@dataclass(frozen=True)
class Backlog:
    """The unfinished jobs by status, and how late the one is that is due for longest."""

    jobs: dict[str, int]
    oldest_due_seconds: float


def backlog(session: Session) -> Backlog:
    """What is left to do. Reads unfinished rows only."""
    jobs: dict[str, int] = {}
    due: list[float] = [0.0]
    for query in (_unfinished("queued"), _unfinished(*FORWARD)):
        for status, count, seconds in session.execute(query):
            jobs[status] = count
            due.append(float(seconds))
    return Backlog(jobs, max(due))


def _unfinished(*statuses: str) -> Select[str, int, float]:
    chosen = among(Job.status, *statuses)
    late = func.extract("epoch", func.now() - func.min(Job.next_attempt_at))
    return select(Job.status, func.count(), late).where(chosen).group_by(Job.status)
