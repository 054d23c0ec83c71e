"""Retention: for how many days a finished job is kept."""

from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from fixative.postgres.tables import Job, Owner


def days_of_owner(default: int | None) -> ColumnElement[Any]:
    """The owner's own days, else those of the setting; NULL: for good."""
    return func.coalesce(Owner.retention_days, default)


def kept_days(session: Session, job: Job, default: int | None) -> int | None:
    """For how many days this job is kept after its end; None: for good."""
    days: int | None = session.scalar(
        select(days_of_owner(default)).where(Owner.id == job.owner_id)
    )
    return days
