"""Keys and terms: what a key may do and until when, and on what terms a job was accepted."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"

INSTANT = postgresql.TIMESTAMP(timezone=True)
JSON = postgresql.JSON(none_as_null=True)
JSONB = postgresql.JSONB(none_as_null=True)
MONEY = sa.Numeric(20, 9)


def upgrade() -> None:
    op.add_column("api_keys", sa.Column("expires_at", INSTANT, nullable=True))
    op.add_column("api_keys", sa.Column("allow", JSONB, nullable=True))
    op.add_column("api_keys", sa.Column("per_minute", sa.Integer(), nullable=True))
    op.add_column("api_keys", sa.Column("last_used_at", INSTANT, nullable=True))
    op.add_column("jobs", sa.Column("api_key_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(op.f("fk_jobs_api_key_id"), "jobs", "api_keys", ["api_key_id"], ["id"])
    op.add_column("jobs", sa.Column("max_seconds", sa.Integer(), nullable=True))
    op.add_column("jobs", sa.Column("cache_key", sa.Text(), nullable=True))
    op.create_index(
        "ix_jobs_cache",
        "jobs",
        ["owner_id", "cache_key"],
        postgresql_where=sa.text(
            "cache_key IS NOT NULL AND status = 'succeeded' AND deleted_at IS NULL"
        ),
    )
    op.add_column("jobs", sa.Column("price", JSON, nullable=True))
    op.add_column("jobs", sa.Column("cost", MONEY, nullable=True))
    op.add_column("jobs", sa.Column("cost_basis", sa.Text(), nullable=True))


def downgrade() -> None:
    for column in ("cost_basis", "cost", "price"):
        op.drop_column("jobs", column)
    op.drop_index("ix_jobs_cache", table_name="jobs")
    for column in ("cache_key", "max_seconds", "api_key_id"):
        op.drop_column("jobs", column)
    for column in ("last_used_at", "per_minute", "allow", "expires_at"):
        op.drop_column("api_keys", column)
