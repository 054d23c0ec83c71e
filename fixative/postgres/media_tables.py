"""The tables of what lies in the bucket: the media of jobs, and their input files."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, text
from sqlalchemy.dialects.postgresql import JSON
from sqlalchemy.orm import Mapped, mapped_column

from fixative.postgres.base import NOW, Table, Verbatim


class Media(Table):
    """One object in the bucket: an original, or something derived from it."""

    __tablename__ = "media"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    job_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"))
    attempt_id: Mapped[uuid.UUID]
    index: Mapped[int]
    role: Mapped[str]  # original, output; or derived: thumbnail, web, preview, waveform
    name: Mapped[str]
    key: Mapped[str]
    kind: Mapped[str]  # image, video, audio, text, file
    content_type: Mapped[str]
    bytes: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str]
    pointers: Mapped[list[Any]] = mapped_column(
        JSON
    )  # where in the output it stood, each a path of keys and indexes
    width: Mapped[int | None]
    height: Mapped[int | None]
    duration: Mapped[float | None]
    details: Mapped[Verbatim | None]  # what else deriving found: fps, codec, blurhash, …
    derive_error: Mapped[str | None]  # why nothing could be derived from it
    created_at: Mapped[datetime] = mapped_column(server_default=NOW)

    __table_args__ = (
        Index("uq_media_place", "job_id", "attempt_id", "index", "role", unique=True),
    )


class File(Table):
    """An input: uploaded by its owner, or taken out of a job's input."""

    __tablename__ = "files"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    owner_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("owners.id"))
    job_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"))
    name: Mapped[str]
    key: Mapped[str]
    content_type: Mapped[str]
    bytes: Mapped[int] = mapped_column(BigInteger)  # as announced until it is stored
    sha256: Mapped[str | None]
    metadata_: Mapped[Verbatim | None] = mapped_column("metadata")  # its owner's own
    created_at: Mapped[datetime] = mapped_column(server_default=NOW)
    stored_at: Mapped[datetime | None]  # None: its upload has not been seen yet
    used_at: Mapped[datetime] = mapped_column(server_default=NOW)  # when it was last sent

    __table_args__ = (
        Index("ix_files_job", "job_id", postgresql_where=text("job_id IS NOT NULL")),
        Index("ix_files_page", "owner_id", "id"),
        Index("ix_files_uploaded", "owner_id", "id", postgresql_where=text("job_id IS NULL")),
        Index(
            "ix_files_kept",
            "owner_id",
            "used_at",
            postgresql_where=text("job_id IS NULL AND stored_at IS NOT NULL"),
        ),
        Index("ix_files_unseen", "created_at", postgresql_where=text("stored_at IS NULL")),
    )
