"""How much each model was used lately, and how that went.

Reads the newest jobs of the last days, so many at most, never history: ids begin with their time.
"""

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session, aliased

from fixative.postgres.base import first_id, written_out
from fixative.postgres.tables import Job

DAYS = 7
MOST = 5_000  # jobs that are read


@dataclass(frozen=True)
class ModelUse:
    """The jobs of one target; seconds are from acceptance to stored media, of successes."""

    target: str | None  # owner/name; of a job that names none its deployment, or its version
    is_model: bool  # what is named is a model
    jobs: int
    succeeded: int
    failed: int
    p50_seconds: float | None
    p95_seconds: float | None
    last_at: datetime

    @property
    def failure_rate(self) -> float | None:
        """The share of failures among those that have ended well or failed."""
        ended = self.succeeded + self.failed
        return self.failed / ended if ended else None


def use_of_models(session: Session, owner_id: uuid.UUID | None) -> list[ModelUse]:
    """What this owner's jobs used, the most used first; None: everybody's."""
    since = first_id(datetime.now(UTC) - timedelta(days=DAYS))
    lately = select(Job).where(Job.id >= written_out(since))
    if owner_id is not None:
        lately = lately.where(Job.owner_id == owner_id)
    job: Any = aliased(Job, lately.order_by(Job.id.desc()).limit(MOST).subquery())
    target = func.coalesce(job.model, job.deployment, job.version)
    succeeded, failed = job.status == "succeeded", job.status == "failed"
    taken = func.extract("epoch", job.completed_at - job.created_at)

    def within(share: float) -> ColumnElement[float | None]:
        return func.percentile_cont(share).within_group(taken).filter(succeeded)

    used = select(
        target,
        func.bool_and(job.model.is_not(None)),
        func.count(),
        func.count().filter(succeeded),
        func.count().filter(failed),
        within(0.5),
        within(0.95),
        func.max(job.created_at),
    )
    rows = session.execute(used.group_by(target).order_by(func.count().desc(), target))
    return [ModelUse(*row) for row in rows]
