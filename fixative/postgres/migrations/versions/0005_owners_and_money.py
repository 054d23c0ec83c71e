"""Owners and money: what a key may do and until when, what jobs cost, budgets and the ledger."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"

INSTANT = postgresql.TIMESTAMP(timezone=True)
JSON = postgresql.JSON(none_as_null=True)
JSONB = postgresql.JSONB(none_as_null=True)
MONEY = sa.Numeric(20, 9)
NOW = sa.text("now()")


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
    op.add_column("jobs", sa.Column("reserved", MONEY, nullable=True))
    op.add_column("jobs", sa.Column("cost", MONEY, nullable=True))
    op.add_column("jobs", sa.Column("cost_basis", sa.Text(), nullable=True))
    op.create_table(
        "budgets",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("api_key_id", sa.Uuid(), nullable=True),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("amount", MONEY, nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("reserved", MONEY, server_default="0", nullable=False),
        sa.Column("spent", MONEY, server_default="0", nullable=False),
        sa.Column("created_at", INSTANT, server_default=NOW, nullable=False),
        sa.CheckConstraint("period IN ('day', 'month', 'total')", name=op.f("ck_budgets_period")),
        sa.CheckConstraint("num_nonnulls(owner_id, api_key_id) = 1", name=op.f("ck_budgets_whose")),
        sa.ForeignKeyConstraint(["owner_id"], ["owners.id"], name=op.f("fk_budgets_owner_id")),
        sa.ForeignKeyConstraint(
            ["api_key_id"], ["api_keys.id"], name=op.f("fk_budgets_api_key_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_budgets")),
    )
    op.create_index("uq_budgets_owner", "budgets", ["owner_id", "period"], unique=True)
    op.create_index("uq_budgets_key", "budgets", ["api_key_id", "period"], unique=True)
    op.create_table(
        "ledger",
        sa.Column("id", sa.BigInteger(), autoincrement=True, nullable=False),
        sa.Column("at", INSTANT, server_default=NOW, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("api_key_id", sa.Uuid(), nullable=True),
        sa.Column("model", sa.Text(), nullable=True),
        sa.Column("counts_on", sa.Date(), nullable=False),
        sa.Column("reserved", MONEY, nullable=False),
        sa.Column("spent", MONEY, nullable=False),
        sa.Column("basis", sa.Text(), nullable=True),
        sa.CheckConstraint("kind IN ('reserve', 'settle', 'release')", name=op.f("ck_ledger_kind")),
        sa.ForeignKeyConstraint(["owner_id"], ["owners.id"], name=op.f("fk_ledger_owner_id")),
        sa.ForeignKeyConstraint(["api_key_id"], ["api_keys.id"], name=op.f("fk_ledger_api_key_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger")),
    )
    op.create_index("ix_ledger_job", "ledger", ["job_id", "id"])
    op.create_index("ix_ledger_owner_day", "ledger", ["owner_id", "counts_on"])
    op.create_index("ix_ledger_day", "ledger", ["counts_on"])


def downgrade() -> None:
    op.drop_table("ledger")
    op.drop_table("budgets")
    for column in ("cost_basis", "cost", "reserved", "price"):
        op.drop_column("jobs", column)
    op.drop_index("ix_jobs_cache", table_name="jobs")
    for column in ("cache_key", "max_seconds", "api_key_id"):
        op.drop_column("jobs", column)
    for column in ("last_used_at", "per_minute", "allow", "expires_at"):
        op.drop_column("api_keys", column)
