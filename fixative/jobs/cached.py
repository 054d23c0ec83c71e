"""The result cache: an earlier job that has the answer already (ADR 0020)."""

import uuid
from collections.abc import Collection

from sqlalchemy import func, or_, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from fixative.postgres.base import among
from fixative.postgres.tables import Attempt, Job


def find_cached(
    session: Session, owner_id: uuid.UUID, cache_keys: Collection[str]
) -> dict[str | None, Job]:
    """By each key the owner's newest job that succeeded under it, and was not deleted since."""
    if not cache_keys:
        return {}
    version = func.split_part(Job.cache_key, ":", 1)
    found = session.scalars(
        select(Job)
        .join(Attempt, Attempt.id == Job.attempt_id)
        .where(
            Job.owner_id == owner_id,
            Job.cache_key.in_(cache_keys),
            among(Job.status, "succeeded"),
            Job.deleted_at.is_(None),
            # What was the latest when it was accepted need not have been when it was sent.
            or_(Attempt.version.is_(None), Attempt.version.endswith(version)),
        )
        .ext(distinct_on(Job.cache_key))
        .order_by(Job.cache_key, Job.id.desc())
    )
    return {job.cache_key: job for job in found}
