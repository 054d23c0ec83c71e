"""Retention: for how many days a finished job is kept."""

import uuid
from collections.abc import Collection
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from fixative.postgres.tables import Owner


def days_of_owner(default: int | None) -> ColumnElement[Any]:
    """The owner's own days, else those of the setting; NULL: for good."""
    return func.coalesce(Owner.retention_days, default)


def kept_days(
    session: Session, owner_ids: Collection[uuid.UUID], default: int | None
) -> dict[uuid.UUID, int | None]:
    """For how many days the jobs of each owner are kept after their end; None: for good."""
    days = select(Owner.id, days_of_owner(default)).where(Owner.id.in_(owner_ids))
    return dict(session.execute(days).all())
