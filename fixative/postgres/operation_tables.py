"""The tables of the running itself: what ticks, who works, what is held back, what was given up."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from fixative.postgres.base import NOW, Table


class DeadLetter(Table):
    """A task that ended for good without doing its work."""

    __tablename__ = "dead_letters"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    task: Mapped[str]
    arguments: Mapped[dict[str, Any]]
    job_id: Mapped[uuid.UUID | None]
    error_class: Mapped[str]
    message: Mapped[str]
    traceback: Mapped[str]
    attempts: Mapped[int] = mapped_column(server_default="1")  # how often it was tried
    created_at: Mapped[datetime] = mapped_column(server_default=NOW)
    requeued_at: Mapped[datetime | None]  # an operator had it tried again

    __table_args__ = (
        Index("ix_dead_letters_job", "job_id", postgresql_where=text("job_id IS NOT NULL")),
        Index("ix_dead_letters_open", "task", "id", postgresql_where=text("requeued_at IS NULL")),
        Index("ix_dead_letters_newest", "id", postgresql_where=text("requeued_at IS NULL")),
    )


class Pause(Table):
    """What an operator, or a restored database, holds back from being submitted."""

    __tablename__ = "pauses"

    scope: Mapped[str] = mapped_column(primary_key=True)  # says the same as model and owner
    model: Mapped[str | None]
    owner_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("owners.id"))
    created_at: Mapped[datetime] = mapped_column(server_default=NOW)


class Epoch(Table):
    """The age of this database, in steps that the bucket keeps too; one row."""

    __tablename__ = "epoch"

    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger)
    raised_at: Mapped[datetime] = mapped_column(server_default=NOW)


class WorkerProcess(Table):
    """A running Celery worker: when it was last seen, and what it heard of its own queue."""

    __tablename__ = "workers"

    name: Mapped[str] = mapped_column(primary_key=True)  # Celery's node name
    pid: Mapped[int]
    started_at: Mapped[datetime] = mapped_column(server_default=NOW)
    seen_at: Mapped[datetime] = mapped_column(server_default=NOW)
    canary_sent_at: Mapped[datetime | None]  # the last that Redis accepted
    canary_heard_at: Mapped[datetime | None]  # the last that the worker consumed


class Tick(Table):
    """A periodic task's row: whoever takes it does the work, once, however many ask."""

    __tablename__ = "ticks"

    name: Mapped[str] = mapped_column(primary_key=True)
    next_at: Mapped[datetime] = mapped_column(server_default=NOW)
    lease_token: Mapped[int] = mapped_column(BigInteger, server_default="0")
    lease_until: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
