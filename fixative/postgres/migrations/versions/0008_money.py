"""Money: budgets, what is left of them, the ledger, and what each day has cost."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"

INSTANT = postgresql.TIMESTAMP(timezone=True)
MONEY = sa.Numeric(20, 9)
NOW = sa.text("now()")
ZERO = sa.text("0")


def upgrade() -> None:
    op.add_column("jobs", sa.Column("max_cost", MONEY, nullable=True))
    op.add_column("attempts", sa.Column("counted", MONEY, nullable=True))
    op.add_column("api_keys", sa.Column("root_id", sa.Uuid(), nullable=True))
    op.create_table(
        "budgets",
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("api_key_id", sa.Uuid(), nullable=True),
        sa.Column("amount", MONEY, nullable=False),
        sa.Column("updated_at", INSTANT, server_default=NOW, nullable=False),
        sa.PrimaryKeyConstraint("holder", "period", name=op.f("pk_budgets")),
        sa.ForeignKeyConstraint(["owner_id"], ["owners.id"], name=op.f("fk_budgets_owner_id")),
        sa.ForeignKeyConstraint(
            ["api_key_id"], ["api_keys.id"], name=op.f("fk_budgets_api_key_id")
        ),
        sa.CheckConstraint("period IN ('day', 'month', 'total')", name=op.f("ck_budgets_period")),
    )
    op.create_table(
        "balances",
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("starts", sa.Date(), nullable=False),
        sa.Column("reserved", MONEY, server_default=ZERO, nullable=False),
        sa.Column("spent", MONEY, server_default=ZERO, nullable=False),
        sa.PrimaryKeyConstraint("holder", "period", "starts", name=op.f("pk_balances")),
    )
    op.create_table(
        "ledger",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("api_key_id", sa.Uuid(), nullable=True),
        sa.Column("model", sa.Text(), nullable=True),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("reserved", MONEY, nullable=False),
        sa.Column("spent", MONEY, nullable=False),
        sa.Column("at", INSTANT, server_default=NOW, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger")),
        sa.ForeignKeyConstraint(["owner_id"], ["owners.id"], name=op.f("fk_ledger_owner_id")),
        sa.CheckConstraint("kind IN ('reserve', 'settle', 'release')", name=op.f("ck_ledger_kind")),
    )
    op.create_index("ix_ledger_job", "ledger", ["job_id"])
    op.create_index("ix_ledger_owner_day", "ledger", ["owner_id", "day"])
    op.create_index("ix_ledger_day", "ledger", ["day"])
    op.create_table(
        "spend_days",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("amount", MONEY, server_default=ZERO, nullable=False),
        sa.Column("capped_at", INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_spend_days")),
    )


def downgrade() -> None:
    for table in ("spend_days", "ledger", "balances", "budgets"):
        op.drop_table(table)
    op.drop_column("api_keys", "root_id")
    op.drop_column("attempts", "counted")
    op.drop_column("jobs", "max_cost")
