"""Pauses (the operations part is being merged)."""

from sqlalchemy import ColumnElement, exists, or_

from fixative.postgres.operation_tables import Pause
from fixative.postgres.tables import Job

RESTORED = "restored"


def paused() -> ColumnElement[bool]:
    """The condition that somebody holds this job back."""
    return exists().where(
        or_(Pause.model.is_(None), Pause.model == Job.model),
        or_(Pause.owner_id.is_(None), Pause.owner_id == Job.owner_id),
    )
