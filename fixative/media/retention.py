"""Retention: for how many days a finished job is kept."""

import uuid
from collections.abc import Collection
from typing import Any

from sqlalchemy import ColumnElement, bindparam, func, select
from sqlalchemy.orm import Session

from fixative.postgres.tables import Owner


def days_of_owner(default: int | None) -> ColumnElement[Any]:
    """The owner's own days, else those of the setting; NULL: for good."""
    return func.coalesce(Owner.retention_days, default)


DAYS = select(Owner.id, Owner.retention_days).where(
    Owner.id.in_(bindparam("owners", expanding=True))
)


def kept_days(
    session: Session, owner_ids: Collection[uuid.UUID], default: int | None
) -> dict[uuid.UUID, int | None]:
    """For how many days the jobs of each owner are kept after their end; None: for good."""
    asked = {"owners": list(owner_ids)}
    own = session.connection().execute(DAYS, asked).all()
    return {owner_id: default if days is None else days for owner_id, days in own}
