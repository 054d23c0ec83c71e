"""The indexes of jobs: one for each sweep and page, whose size follows the work in hand."""

from sqlalchemy import Index, text

JOB_INDEXES = (
    Index(
        "uq_jobs_idempotency",
        "owner_id",
        "idempotency_key",
        unique=True,
        postgresql_where=text("idempotency_key IS NOT NULL"),
    ),
    Index("ix_jobs_owner_page", "owner_id", "id"),
    Index("ix_jobs_model", "model", "owner_id", "id"),
    Index(
        "ix_jobs_model_ended_badly",
        "model",
        "owner_id",
        "id",
        postgresql_where=text("status IN ('failed', 'canceled')"),
    ),
    Index("ix_jobs_type", "job_type", "owner_id", "id"),
    Index("ix_jobs_label", "label", "owner_id", "id", postgresql_where=text("label IS NOT NULL")),
    Index(
        "ix_jobs_brought",
        "source",
        "owner_id",
        "id",
        postgresql_where=text("source IN ('sync', 'replay')"),
    ),
    Index("ix_jobs_batch", "batch_id", "id", postgresql_where=text("batch_id IS NOT NULL")),
    Index(
        "ix_jobs_ended_badly",
        "owner_id",
        "id",
        postgresql_where=text("status IN ('failed', 'canceled')"),
    ),
    # The owner's id is one of the words, so that nobody's search reads what others wrote; and the
    # hours, so that none reads what is older than it shows.
    # Without a list of what is still to be put into it: each span would look through that.
    Index(
        "ix_jobs_words_by_hour",
        text("job_words(id, owner_id, input)"),
        postgresql_using="gin",
        postgresql_with={"fastupdate": "off"},
    ),
    Index(
        "ix_jobs_cache",
        "owner_id",
        "cache_key",
        postgresql_where=text(
            "cache_key IS NOT NULL AND status = 'succeeded' AND deleted_at IS NULL"
        ),
    ),
    Index(
        "ix_jobs_tell_waiting",
        "id",
        postgresql_where=text(
            """webhook_events @> '["waiting"]'"""
            " AND status NOT IN ('succeeded', 'failed', 'canceled')"
        ),
    ),
    Index("ix_jobs_queued", "fair_at", postgresql_where=text("status = 'queued'")),
    Index(
        "ix_jobs_queued_owner",
        "owner_id",
        "fair_at",
        postgresql_where=text("status = 'queued'"),
    ),
    Index(
        "ix_jobs_deadline",
        "deadline",
        postgresql_where=text("deadline IS NOT NULL AND status IN ('queued', 'submitting')"),
    ),
    Index(
        "ix_jobs_unfinished",
        "status",
        "next_attempt_at",
        postgresql_where=text("status IN ('submitting', 'starting', 'processing', 'storing')"),
    ),
    Index(
        "ix_jobs_derive_due",
        "derive_due_at",
        postgresql_where=text("derive_due_at IS NOT NULL"),
    ),
    Index("ix_jobs_expiring", "expires_at", postgresql_where=text("status = 'storing'")),
    Index(
        "ix_jobs_acceptance_unrecorded",
        "id",
        postgresql_where=text("acceptance_recorded_at IS NULL AND deleted_at IS NULL"),
    ),
    Index(
        "ix_jobs_record_due",
        "record_due_at",
        postgresql_where=text("record_due_at IS NOT NULL"),
    ),
    Index(
        "ix_jobs_purge_due",
        "purge_due_at",
        postgresql_where=text("purge_due_at IS NOT NULL"),
    ),
    Index(
        "ix_jobs_kept",
        "owner_id",
        "completed_at",
        postgresql_where=text("completed_at IS NOT NULL AND deleted_at IS NULL"),
    ),
    Index(
        "ix_jobs_cancel_due",
        "cancel_requested_at",
        postgresql_where=text(
            "cancel_requested_at IS NOT NULL AND status NOT IN ('succeeded', 'failed', 'canceled')"
        ),
    ),
)
