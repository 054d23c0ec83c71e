"""The tables of telling: what a subscriber is to be told, and which of them do not listen."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import Computed, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from fixative.postgres.base import NOW, Table

GIVEN_UP = "next_attempt_at IS NULL AND delivered_at IS NULL"


class Notification(Table):
    """One event of a job, to be told to the URL that was named for it. The row is the work."""

    __tablename__ = "notifications"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)  # the `webhook-id`: told twice is once
    job_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"))
    owner_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("owners.id"))
    event: Mapped[str]
    url: Mapped[str]
    # Of the URL: what is closed, and what is told in turn.
    origin: Mapped[str] = mapped_column(
        Computed("substring(url FROM '^[a-z]+://[^/?#]+')", persisted=True)
    )
    at: Mapped[datetime] = mapped_column(server_default=NOW)  # when it happened
    next_attempt_at: Mapped[datetime | None] = mapped_column(server_default=NOW)  # None: it is over
    lease_until: Mapped[datetime | None]
    tries: Mapped[int] = mapped_column(server_default="0")
    delivered_at: Mapped[datetime | None]
    log: Mapped[list[Any]] = mapped_column(server_default=text("'[]'"))  # {at, status, error} each

    __table_args__ = (
        Index(
            "ix_notifications_due",
            "origin",
            "next_attempt_at",
            postgresql_where=text("next_attempt_at IS NOT NULL"),
        ),
        Index("ix_notifications_job", "job_id"),
        Index("ix_notifications_page", "at", "id"),
        Index("ix_notifications_owner", "owner_id", "at", "id"),
        Index("ix_notifications_given_up", "at", "id", postgresql_where=text(GIVEN_UP)),
        Index(
            "ix_notifications_owner_given_up",
            "owner_id",
            "at",
            "id",
            postgresql_where=text(GIVEN_UP),
        ),
    )


class Subscriber(Table):
    """An origin that did not take what it was told, and until when it is left alone."""

    __tablename__ = "subscribers"

    origin: Mapped[str] = mapped_column(primary_key=True)
    failures: Mapped[int] = mapped_column(server_default="0")  # in a row
    closed_until: Mapped[datetime | None]  # then one try decides for all
