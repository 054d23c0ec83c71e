"""Notes: what happened to a job beside its moves, attempts and media, for who asks why."""

import uuid
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    insert,
    literal,
    select,
    text,
)
from sqlalchemy.orm import Mapped, Session, mapped_column
from sqlalchemy.sql.dml import ReturningUpdate

from fixative.postgres.base import Table, one_of

KINDS = (
    "put_off",  # a try that came to nothing for now; `about` is the stage
    "wait",  # why it waits from now on; `about` is the reason, as `waiting` names it
    "lost",  # whoever worked on it never came back
    "cancel",  # its end was asked for
    "warning",  # it goes on, and something of it is missing
)
LONGEST = 500  # characters of a detail: a model's own message may be a page


class Note(Table):
    """One of those things. Only ever inserted."""

    __tablename__ = "notes"

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=True)
    job_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"))
    at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
    kind: Mapped[str]
    cause: Mapped[str | None]  # of a transition's causes, where somebody did it
    about: Mapped[str | None]
    detail: Mapped[str | None]

    __table_args__ = (
        CheckConstraint(one_of("kind", KINDS), name="kind"),
        Index("ix_notes_job", "job_id", "id"),
    )


def note(
    session: Session,
    job_id: uuid.UUID,
    kind: str,
    about: str | None = None,
    *,
    cause: str | None = None,
    detail: str | None = None,
) -> None:
    """Write it down, in the session's transaction."""
    detail = None if detail is None else detail[:LONGEST]
    row = {"job_id": job_id, "kind": kind, "cause": cause, "about": about, "detail": detail}
    session.execute(insert(Note).values(row))


def note_of_each(
    session: Session, changed: ReturningUpdate[uuid.UUID], kind: str, about: str
) -> Sequence[uuid.UUID]:
    """Carry out an update that returns jobs' ids, write the same down of each; those ids."""
    those = changed.cte()
    rows = select(those.c.id, literal(kind), literal(about))
    noted = insert(Note).from_select(["job_id", "kind", "about"], rows)
    return session.scalars(noted.returning(Note.job_id)).all()
