"""The tables of history sync: its runs, each with its cursor, and what they could not read."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, text
from sqlalchemy.dialects.postgresql import JSON
from sqlalchemy.orm import Mapped, mapped_column

from fixative.postgres.base import NOW, Table, one_of

SYNC_MODES = ("bootstrap", "regular")
SYNC_STATUSES = ("running", "complete", "partial", "failed")


class SyncRun(Table):
    """One walk through Replicate's history; killed at any page it goes on from its cursor."""

    __tablename__ = "sync_runs"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    mode: Mapped[str]
    status: Mapped[str] = mapped_column(server_default="running")
    since: Mapped[datetime | None]  # as asked for
    until: Mapped[datetime | None]
    max_predictions: Mapped[int | None]
    walk_back_to: Mapped[datetime | None]  # where a regular run stops; None: at the end of history
    cursor: Mapped[str | None]  # the query of the page to read next; None: the first
    pages: Mapped[int] = mapped_column(server_default="0")
    predictions_checked: Mapped[int] = mapped_column(server_default="0")
    jobs_processed: Mapped[int] = mapped_column(server_default="0")  # ours, changed or not
    jobs_created: Mapped[int] = mapped_column(server_default="0")
    jobs_updated: Mapped[int] = mapped_column(server_default="0")
    skipped: Mapped[int] = mapped_column(server_default="0")
    error: Mapped[str | None]
    lease_token: Mapped[int] = mapped_column(BigInteger, server_default="0")
    lease_until: Mapped[datetime | None]
    # When the first page of its walk was asked for: by itself, or by the run that it goes on from.
    began_at: Mapped[datetime] = mapped_column(server_default=NOW)
    started_at: Mapped[datetime] = mapped_column(server_default=NOW)
    updated_at: Mapped[datetime] = mapped_column(server_default=NOW)
    finished_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint(one_of("mode", SYNC_MODES), name="mode"),
        CheckConstraint(one_of("status", SYNC_STATUSES), name="status"),
        Index("ix_sync_runs_status", "status", "started_at"),
    )


class SyncResult(Table):
    """What a run did with one prediction, where it did something or could not."""

    __tablename__ = "sync_results"

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=True)
    run_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("sync_runs.id", ondelete="CASCADE"))
    prediction_id: Mapped[str | None]
    job_id: Mapped[uuid.UUID | None]
    result: Mapped[str]  # created, updated, skipped
    reason: Mapped[str | None]
    raw: Mapped[Any | None] = mapped_column(JSON(none_as_null=True))  # of what was skipped
    at: Mapped[datetime] = mapped_column(server_default=NOW)

    __table_args__ = (
        Index("ix_sync_results_run", "run_id", "id"),
        Index(
            "uq_sync_results_prediction",
            "run_id",
            "prediction_id",
            unique=True,
            postgresql_where=text("prediction_id IS NOT NULL"),
        ),
    )
