"""The result cache: an earlier job that has the answer already (ADR 0020)."""

import uuid

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from fixative.postgres.tables import Attempt, Job


def find_cached(session: Session, owner_id: uuid.UUID, cache_key: str | None) -> Job | None:
    """The owner's newest job that succeeded under this key, and was not deleted since."""
    if cache_key is None:
        return None
    version, _, _ = cache_key.partition(":")
    return session.scalars(
        select(Job)
        .join(Attempt, Attempt.id == Job.attempt_id)
        .where(
            Job.owner_id == owner_id,
            Job.cache_key == cache_key,
            Job.status == "succeeded",
            Job.deleted_at.is_(None),
            # What was the latest when it was accepted need not have been when it was sent.
            or_(Attempt.version.is_(None), Attempt.version.endswith(version)),
        )
        .order_by(Job.id.desc())
        .limit(1)
    ).one_or_none()
