"""What outlives crashes: poison counts, pauses, the epoch, workers, requeued dead letters."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"

INSTANT = postgresql.TIMESTAMP(timezone=True)
OUTCOMES = ("open", "unknown", "created", "rejected", "held", "throttled", "not_sent", "absent")


def upgrade() -> None:
    op.add_column("jobs", sa.Column("crashes", sa.Integer(), server_default="0", nullable=False))
    op.add_column("attempts", sa.Column("account", sa.Text(), nullable=True))
    op.add_column(
        "attempts",
        sa.Column("stands_in", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )
    op.add_column("attempts", sa.Column("missed_at", INSTANT, nullable=True))
    op.add_column(
        "attempts", sa.Column("candidates", postgresql.JSON(none_as_null=True), nullable=True)
    )
    _outcomes(*OUTCOMES, "duplicate")

    op.add_column(
        "dead_letters", sa.Column("attempts", sa.Integer(), server_default="1", nullable=False)
    )
    op.add_column("dead_letters", sa.Column("requeued_at", INSTANT, nullable=True))
    op.create_index(
        "ix_dead_letters_job",
        "dead_letters",
        ["job_id"],
        postgresql_where=sa.text("job_id IS NOT NULL"),
    )
    op.create_index(
        "ix_dead_letters_open",
        "dead_letters",
        ["task", "id"],
        postgresql_where=sa.text("requeued_at IS NULL"),
    )

    # The same news under two ids: the first is kept.
    op.execute("""
        DELETE FROM deliveries later USING deliveries first
        WHERE later.prediction_id = first.prediction_id
            AND later.prediction_status = first.prediction_status
            AND (later.received_at, later.webhook_id) > (first.received_at, first.webhook_id)
    """)
    op.create_index(
        "uq_deliveries_news", "deliveries", ["prediction_id", "prediction_status"], unique=True
    )
    op.drop_index("ix_deliveries_prediction", table_name="deliveries")

    op.create_table(
        "pauses",
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=True),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", INSTANT, server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["owners.id"], name=op.f("fk_pauses_owner_id")),
        sa.PrimaryKeyConstraint("scope", name=op.f("pk_pauses")),
    )
    op.create_table(
        "epoch",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("raised_at", INSTANT, server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_epoch")),
    )
    op.create_table(
        "workers",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("started_at", INSTANT, server_default=sa.text("now()"), nullable=False),
        sa.Column("seen_at", INSTANT, server_default=sa.text("now()"), nullable=False),
        sa.Column("canary_sent_at", INSTANT, nullable=True),
        sa.Column("canary_heard_at", INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_workers")),
    )


def downgrade() -> None:
    op.drop_table("workers")
    op.drop_table("epoch")
    op.drop_table("pauses")
    op.create_index("ix_deliveries_prediction", "deliveries", ["prediction_id"])
    op.drop_index("uq_deliveries_news", table_name="deliveries")
    op.drop_index("ix_dead_letters_open", table_name="dead_letters")
    op.drop_index("ix_dead_letters_job", table_name="dead_letters")
    op.drop_column("dead_letters", "requeued_at")
    op.drop_column("dead_letters", "attempts")
    op.execute("UPDATE attempts SET outcome = 'absent' WHERE outcome = 'duplicate'")
    _outcomes(*OUTCOMES)
    op.drop_column("attempts", "candidates")
    op.drop_column("attempts", "missed_at")
    op.drop_column("attempts", "stands_in")
    op.drop_column("attempts", "account")
    op.drop_column("jobs", "crashes")


def _outcomes(*outcomes: str) -> None:
    op.drop_constraint(op.f("ck_attempts_outcome"), "attempts")
    written = ", ".join(f"'{outcome}'" for outcome in outcomes)
    op.create_check_constraint(op.f("ck_attempts_outcome"), "attempts", f"outcome IN ({written})")
