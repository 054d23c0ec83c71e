"""Pauses: what an operator, or a restored database, holds back from being submitted.

A pause is a row that admission and submission ask for; no job's row is touched, so what is lifted
goes on by itself.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, delete, exists, func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from fixative.access.owners import find_owner
from fixative.postgres.operation_tables import Pause
from fixative.postgres.tables import Job, Owner

RESTORED = "restored"  # not an operator's: `recover` lifts it
ALL = "all"


@dataclass(frozen=True)
class Hold:
    """One pause. Without a model it holds those of all models, without an owner's name of all."""

    scope: str
    model: str | None
    owner: str | None
    created_at: datetime


def paused() -> ColumnElement[bool]:
    """The condition that somebody holds this job back."""
    of_version = func.split_part(Job.version, ":", 1)  # names its model, or is 64 hex digits
    return exists().where(
        or_(Pause.model.is_(None), Pause.model == Job.model, Pause.model == of_version),
        or_(Pause.owner_id.is_(None), Pause.owner_id == Job.owner_id),
    )


def is_restored(session: Session) -> bool:
    """Whether the database may be an old one, or not whole, and `recover` has not run."""
    return session.get(Pause, RESTORED) is not None


def pause(session: Session, *, model: str | None = None, owner: str | None = None) -> Hold:
    """Hold back what is not sent yet: all, of a model, of an owner, or of both together.

    A model's jobs are those that name it, or a version with its name in front. Again is no harm.
    Raises NotFound without such an owner.
    """
    scope = _scope(model, owner)
    owner_id = None if owner is None else find_owner(session, owner).id
    held = insert(Pause).values(scope=scope, model=model, owner_id=owner_id)
    # Changing nothing, it still locks: one that somebody lifts meanwhile is made anew.
    same = held.on_conflict_do_update(index_elements=["scope"], set_={"scope": scope})
    created_at = session.scalars(same.returning(Pause.created_at)).one()
    return Hold(scope, model, owner, created_at)


def resume(session: Session, *, model: str | None = None, owner: str | None = None) -> int:
    """Lift the pause that the same words made, and no other; how many there were, 0 or 1.

    Never that of a restored database. Raises NotFound without such an owner.
    """
    if owner is not None:
        find_owner(session, owner)
    lifted = delete(Pause).where(Pause.scope == _scope(model, owner)).returning(Pause.scope)
    return len(session.scalars(lifted).all())


def list_pauses(session: Session) -> list[Hold]:
    """Every pause, oldest first, that of a restored database too."""
    rows = (
        select(Pause.scope, Pause.model, Owner.name, Pause.created_at)
        .outerjoin(Owner, Owner.id == Pause.owner_id)
        .order_by(Pause.created_at, Pause.scope)
    )
    return [Hold(*row) for row in session.execute(rows)]


def _scope(model: str | None, owner: str | None) -> str:
    parts = (("model", model), ("owner", owner))
    return " ".join(f"{kind}:{name}" for kind, name in parts if name is not None) or ALL
