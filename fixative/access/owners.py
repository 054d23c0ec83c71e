"""Owners: made when first named, and what holds for each."""

import uuid
from collections.abc import Mapping
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from fixative.errors import NotFound
from fixative.postgres.tables import Owner

ADMIN = "admin"
NAME_FORM = r"^[A-Za-z0-9][\w.@|:-]*$"
LONGEST_NAME = 64


def ensure_owner(session: Session, name: str) -> Owner:
    """The owner of this name, made if absent."""
    named = select(Owner).where(Owner.name == name)
    owner = session.scalars(named).one_or_none()
    if owner is None:
        made = insert(Owner).values(id=uuid7(), name=name)
        session.execute(made.on_conflict_do_nothing(index_elements=["name"]))
        owner = session.scalars(named).one()
    return owner


def change_owner(session: Session, name: str, values: Mapping[str, Any]) -> Owner:
    """The owner of this name with these columns set, made if absent."""
    owner = ensure_owner(session, name)
    for column, value in values.items():
        setattr(owner, column, value)
    session.flush()
    return owner


def rotate_webhook_secret(session: Session, owner_id: uuid.UUID) -> Owner:
    """The owner, whose webhooks are signed with another secret from now on."""
    later = {"webhook_generation": Owner.webhook_generation + 1, "webhook_rotated_at": func.now()}
    rotated = update(Owner).where(Owner.id == owner_id).values(later).returning(Owner)
    return session.scalars(rotated.execution_options(populate_existing=True)).one()


def list_owners(session: Session) -> list[Owner]:
    """Every owner, by name."""
    return list(session.scalars(select(Owner).order_by(Owner.name)))


def find_owner(session: Session, name: str) -> Owner:
    """The owner of this name. Raises NotFound."""
    owner = session.scalars(select(Owner).where(Owner.name == name)).one_or_none()
    if owner is None:
        raise NotFound(f"no owner {name}")
    return owner


def get_owner(session: Session, owner_id: uuid.UUID) -> Owner:
    """An owner that is known to exist."""
    return session.get_one(Owner, owner_id)
