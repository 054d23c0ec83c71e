"""The tables. Every sweep and page is served by an index whose size follows the work in hand."""

import uuid
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, text
from sqlalchemy.dialects.postgresql import JSON
from sqlalchemy.orm import Mapped, mapped_column

from fixative.postgres.base import NOW, Table, Verbatim, one_of
from fixative.postgres.job_indexes import JOB_INDEXES

JOB_STATUSES = (
    "queued",
    "submitting",
    "starting",
    "processing",
    "storing",
    "succeeded",
    "failed",
    "canceled",
)
TERMINAL_STATUSES = ("succeeded", "failed", "canceled")
CAUSES = ("api", "task", "webhook", "poll", "sync", "adopt", "replay", "rebuild", "operator")
OUTCOMES = (
    "open",  # the POST is about to be made, or under way
    "unknown",  # it may have arrived: adoption settles it
    "created",
    "rejected",
    "held",
    "throttled",
    "not_sent",
    "absent",  # was unknown; proven never to have been created
    "duplicate",  # created all the same, when another attempt had taken its place
)
UNSETTLED = ("open", "unknown")


class Owner(Table):
    """Whoever an API key belongs to."""

    __tablename__ = "owners"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    weight: Mapped[float] = mapped_column(server_default="1")
    retention_days: Mapped[int | None]  # None: as FIXATIVE_RETENTION_DAYS says
    webhook: Mapped[str | None]  # of its jobs that name none
    webhook_events: Mapped[list[str] | None]
    webhook_generation: Mapped[int] = mapped_column(server_default="0")  # of the secret that signs
    webhook_rotated_at: Mapped[datetime | None]  # when it last became another
    created_at: Mapped[datetime] = mapped_column(server_default=NOW)


class ApiKey(Table):
    """A key, as its HMAC: the key itself is shown once and never stored."""

    __tablename__ = "api_keys"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    owner_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("owners.id"))
    prefix: Mapped[str] = mapped_column(unique=True)
    digest: Mapped[str]
    scopes: Mapped[list[str]]
    allow: Mapped[list[str] | None]  # networks, as CIDR, that it may be used from; None: any
    per_minute: Mapped[int | None]  # requests; None: as FIXATIVE_KEY_PER_MINUTE says
    created_at: Mapped[datetime] = mapped_column(server_default=NOW)
    expires_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]  # to the minute or so
    revoked_at: Mapped[datetime | None]
    root_id: Mapped[uuid.UUID | None]  # the first of those that replaced each other; None: itself


class Job(Table):
    """What somebody asked for, and what became of it. The row is the work."""

    __tablename__ = "jobs"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    owner_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("owners.id"))
    api_key_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("api_keys.id"))
    idempotency_key: Mapped[str | None]
    request_hash: Mapped[str | None]

    status: Mapped[str]
    source: Mapped[str] = mapped_column(server_default="api")
    job_type: Mapped[str]
    model: Mapped[str | None]
    version: Mapped[str | None]
    deployment: Mapped[str | None]
    input: Mapped[Verbatim]
    metadata_: Mapped[dict[str, Any] | None] = mapped_column("metadata")
    label: Mapped[str | None]
    batch_id: Mapped[uuid.UUID | None]
    priority: Mapped[str] = mapped_column(server_default="normal")
    webhook: Mapped[str | None]  # who is told of it
    webhook_events: Mapped[list[str] | None]  # of what: statuses, and `waiting`
    webhook_format: Mapped[str | None]  # `replicate`: as a prediction; None: as the job
    told_waiting: Mapped[str | None]  # the last reason for waiting that was told
    max_seconds: Mapped[int | None]  # of a run; None: as FIXATIVE_MAX_RUN_SECONDS says
    cancel_after: Mapped[int | None]  # seconds in all, as asked for
    deadline: Mapped[datetime | None]  # what is not submitted by then ends
    cache_key: Mapped[str | None]  # the same for the same version, input and seed

    price: Mapped[Verbatim | None]  # of its model when it was accepted
    max_cost: Mapped[Decimal | None]  # of one run; None: nothing bounds it
    cost: Mapped[Decimal | None]  # of all its predictions, once it ended
    cost_basis: Mapped[str | None]  # how the cost came about, in words

    attempt_id: Mapped[uuid.UUID | None]  # the newest one; None: of after the last retry
    retried_after: Mapped[int] = mapped_column(server_default="0")  # attempts that count no more
    error: Mapped[Verbatim | None]  # {code, message, retryable, details}
    warnings: Mapped[list[str] | None]
    provenance: Mapped[Verbatim | None]  # of a job brought back: from where each field came

    fair_at: Mapped[datetime | None]  # the place in the queue of all owners
    next_attempt_at: Mapped[datetime] = mapped_column(server_default=NOW)  # not before
    waiting_reason: Mapped[str | None]
    tries: Mapped[int] = mapped_column(server_default="0")  # takes of this stage without success
    crashes: Mapped[int] = mapped_column(server_default="0")  # takes that nobody came back from
    hinted_at: Mapped[datetime] = mapped_column(server_default=NOW)
    lease_token: Mapped[int] = mapped_column(BigInteger, server_default="0")  # fences every move
    lease_until: Mapped[datetime | None]
    derive_due_at: Mapped[datetime | None]
    acceptance_recorded_at: Mapped[datetime | None]
    record_due_at: Mapped[datetime | None]  # what was written outside the database is behind it
    expires_at: Mapped[datetime | None]  # when Replicate deletes the output that is being stored
    large: Mapped[bool] = mapped_column(server_default=text("false"))  # only large files are left
    cancel_requested_at: Mapped[datetime | None]

    created_at: Mapped[datetime] = mapped_column(server_default=NOW)
    updated_at: Mapped[datetime] = mapped_column(server_default=NOW)
    submitted_at: Mapped[datetime | None]
    completed_at: Mapped[datetime | None]
    deleted_at: Mapped[datetime | None]  # from then on a tombstone: nothing of the job is shown
    purge_due_at: Mapped[datetime | None]  # its objects are still to be removed from the bucket

    __table_args__ = (CheckConstraint(one_of("status", JOB_STATUSES), name="status"), *JOB_INDEXES)


class Batch(Table):
    """What the jobs of one request have in common; it goes with the last of them."""

    __tablename__ = "batches"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    owner_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("owners.id"))
    label: Mapped[str | None]
    request_hash: Mapped[str | None]  # None: it was brought back with its jobs
    created_at: Mapped[datetime] = mapped_column(server_default=NOW)


class Attempt(Table):
    """One try at creating a prediction: the unit of "did we pay?"."""

    __tablename__ = "attempts"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    job_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"))
    number: Mapped[int]
    version: Mapped[str | None]  # as it was sent; None where Replicate takes none
    input: Mapped[Verbatim | None]  # as it was sent, where that is not the job's own
    account: Mapped[str | None]  # whose listing shows it, where that was known
    stands_in: Mapped[bool] = mapped_column(server_default=text("false"))  # for one a restore lost
    outcome: Mapped[str] = mapped_column(server_default="open")
    error: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=NOW)
    ended_at: Mapped[datetime | None]  # when our POST ended, or its worker's lease ran out
    listed_at: Mapped[datetime | None]  # a first complete listing that did not show it
    missed_at: Mapped[datetime | None]  # since when Replicate says that it knows no such prediction
    candidates: Mapped[list[Any] | None] = mapped_column(JSON(none_as_null=True))  # for a person
    settled_at: Mapped[datetime | None]

    prediction_id: Mapped[str | None] = mapped_column(unique=True)
    prediction_status: Mapped[str | None]
    prediction: Mapped[Verbatim | None]  # the richest that Replicate ever told us

    counted: Mapped[Decimal | None]  # of its day's spending: the most it can cost, then its cost

    __table_args__ = (
        CheckConstraint(one_of("outcome", OUTCOMES), name="outcome"),
        Index("ix_attempts_job", "job_id", "number", unique=True),
        Index(
            "ix_attempts_unsettled",
            "created_at",
            postgresql_where=text("outcome IN ('open', 'unknown')"),
        ),
        Index(
            "ix_attempts_in_flight",
            "created_at",
            postgresql_where=text("prediction_status IN ('starting', 'processing')"),
        ),
    )


class Transition(Table):
    """One move of a job, with its cause. Only ever inserted; a deleted job's lose `detail`."""

    __tablename__ = "transitions"

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=True)
    job_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"))
    at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
    cause: Mapped[str]
    from_status: Mapped[str | None]
    to_status: Mapped[str]
    detail: Mapped[str | None]
    stream: Mapped[uuid.UUID | None]  # whose it stands in, an owner's; None: it was brought back

    __table_args__ = (
        CheckConstraint(one_of("cause", CAUSES), name="cause"),
        Index("ix_transitions_job", "job_id", "id"),
        Index("ix_transitions_stream", "stream", "id", postgresql_where=text("stream IS NOT NULL")),
    )


class Delivery(Table):
    """One webhook POST received from Replicate, kept before it is answered."""

    __tablename__ = "deliveries"

    webhook_id: Mapped[str] = mapped_column(primary_key=True)
    prediction_id: Mapped[str]
    prediction_status: Mapped[str]
    job_id: Mapped[uuid.UUID | None]  # as the URL says
    prediction: Mapped[Verbatim]
    received_at: Mapped[datetime] = mapped_column(server_default=NOW)
    next_attempt_at: Mapped[datetime] = mapped_column(server_default=NOW)
    tries: Mapped[int] = mapped_column(server_default="0")
    processed_at: Mapped[datetime | None]
    result: Mapped[str | None]  # what the ingest made of it

    __table_args__ = (
        # Doubled under another webhook-id it is still the same news.
        Index("uq_deliveries_news", "prediction_id", "prediction_status", unique=True),
        Index("ix_deliveries_job", "job_id"),
        Index(
            "ix_deliveries_due",
            "next_attempt_at",
            postgresql_where=text("processed_at IS NULL"),
        ),
    )
