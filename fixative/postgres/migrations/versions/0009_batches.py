"""Batches, deadlines and retries: what a job's row says of each."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"

INSTANT = postgresql.TIMESTAMP(timezone=True)
NOW = sa.text("now()")


def upgrade() -> None:
    op.create_table(
        "batches",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("label", sa.Text(), nullable=True),
        sa.Column("request_hash", sa.Text(), nullable=True),
        sa.Column("created_at", INSTANT, server_default=NOW, nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["owners.id"], name=op.f("fk_batches_owner_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batches")),
    )
    op.add_column("jobs", sa.Column("batch_id", sa.Uuid(), nullable=True))
    op.add_column("jobs", sa.Column("cancel_after", sa.Integer(), nullable=True))
    op.add_column("jobs", sa.Column("deadline", INSTANT, nullable=True))
    op.add_column(
        "jobs", sa.Column("retried_after", sa.Integer(), server_default="0", nullable=False)
    )


def downgrade() -> None:
    for column in ("retried_after", "deadline", "cancel_after", "batch_id"):
        op.drop_column("jobs", column)
    op.drop_table("batches")
