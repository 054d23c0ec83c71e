"""How a batch stands: its jobs, counted by status."""

import uuid
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from fixative.errors import NotFound
from fixative.postgres.tables import JOB_STATUSES, Batch, Job


@dataclass(frozen=True)
class BatchStanding:
    """A batch, how many jobs were taken in with it, and those that are left, by status."""

    batch: Batch
    total: int
    counts: dict[str, int]


def batch_standing(
    session: Session, batch_id: uuid.UUID, *, owner_id: uuid.UUID | None
) -> BatchStanding:
    """The batch as it may be shown to this owner; None: to whoever sees all.

    Raises NotFound, for wrong and foreign ids alike, and once all of its jobs are deleted.
    """
    batch = session.get(Batch, batch_id)
    if batch is None or owner_id not in (None, batch.owner_id):
        raise NotFound(f"no batch {batch_id}")
    deleted = Job.deleted_at.is_not(None)
    by_status = select(Job.status, deleted, func.count()).where(Job.batch_id == batch_id)
    rows = session.execute(by_status.group_by(Job.status, deleted)).all()
    left = {status: count for status, is_deleted, count in rows if not is_deleted}
    counts = {status: left.get(status, 0) for status in JOB_STATUSES}
    return BatchStanding(batch, sum(count for *_, count in rows), counts)
