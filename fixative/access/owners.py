"""Owners: made when first named."""

import uuid

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from fixative.errors import NotFound
from fixative.postgres.tables import Owner

ADMIN = "admin"


def ensure_owner(session: Session, name: str) -> Owner:
    """The owner of this name, made if absent."""
    session.execute(
        insert(Owner).values(id=uuid7(), name=name).on_conflict_do_nothing(index_elements=["name"])
    )
    return session.scalars(select(Owner).where(Owner.name == name)).one()


def find_owner(session: Session, name: str) -> Owner:
    """The owner of this name. Raises NotFound."""
    owner = session.scalars(select(Owner).where(Owner.name == name)).one_or_none()
    if owner is None:
        raise NotFound(f"no owner {name}")
    return owner


def get_owner(session: Session, owner_id: uuid.UUID) -> Owner:
    """An owner that is known to exist."""
    return session.get_one(Owner, owner_id)
