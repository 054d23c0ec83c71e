"""Notifications: whom a job's owner wants told of what, what is to be told, and who listens."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"

INSTANT = postgresql.TIMESTAMP(timezone=True)
JSONB = postgresql.JSONB(none_as_null=True)
NOW = sa.text("now()")


def upgrade() -> None:
    for table in ("owners", "jobs"):
        op.add_column(table, sa.Column("webhook", sa.Text(), nullable=True))
        op.add_column(table, sa.Column("webhook_events", JSONB, nullable=True))
    op.add_column("jobs", sa.Column("told_waiting", sa.Text(), nullable=True))
    op.create_index(
        "ix_jobs_tell_waiting",
        "jobs",
        ["id"],
        postgresql_where=sa.text(
            "webhook_events @> '[\"waiting\"]' AND status NOT IN ('succeeded', 'failed', 'canceled')"
        ),
    )
    op.create_table(
        "notifications",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column(
            "origin",
            sa.Text(),
            sa.Computed("substring(url FROM '^[a-z]+://[^/?#]+')", persisted=True),
            nullable=False,
        ),
        sa.Column("at", INSTANT, server_default=NOW, nullable=False),
        sa.Column("next_attempt_at", INSTANT, server_default=NOW, nullable=True),
        sa.Column("lease_until", INSTANT, nullable=True),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("delivered_at", INSTANT, nullable=True),
        sa.Column("log", JSONB, server_default=sa.text("'[]'"), nullable=False),
        sa.ForeignKeyConstraint(
            ["job_id"], ["jobs.id"], name=op.f("fk_notifications_job_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["owners.id"], name=op.f("fk_notifications_owner_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notifications")),
    )
    op.create_index(
        "ix_notifications_due",
        "notifications",
        ["origin", "next_attempt_at"],
        postgresql_where=sa.text("next_attempt_at IS NOT NULL"),
    )
    op.create_index("ix_notifications_job", "notifications", ["job_id"])
    op.create_index("ix_notifications_page", "notifications", ["at", "id"])
    op.create_index(
        "ix_notifications_given_up",
        "notifications",
        ["at", "id"],
        postgresql_where=sa.text("next_attempt_at IS NULL AND delivered_at IS NULL"),
    )
    op.create_table(
        "subscribers",
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("closed_until", INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("origin", name=op.f("pk_subscribers")),
    )


def downgrade() -> None:
    op.drop_table("subscribers")
    op.drop_table("notifications")
    op.drop_index("ix_jobs_tell_waiting", table_name="jobs")
    op.drop_column("jobs", "told_waiting")
    for table in ("jobs", "owners"):
        op.drop_column(table, "webhook_events")
        op.drop_column(table, "webhook")
