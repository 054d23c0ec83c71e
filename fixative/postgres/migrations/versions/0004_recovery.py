"""Recovery: runs of history sync, records of acceptance, from where a job's fields came."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"

INSTANT = postgresql.TIMESTAMP(timezone=True)
JSON = postgresql.JSON(none_as_null=True)


def upgrade() -> None:
    op.add_column("jobs", sa.Column("provenance", JSON, nullable=True))
    op.add_column("jobs", sa.Column("acceptance_recorded_at", INSTANT, nullable=True))
    op.create_index(
        "ix_jobs_acceptance_unrecorded",
        "jobs",
        ["id"],
        postgresql_where=sa.text("acceptance_recorded_at IS NULL AND deleted_at IS NULL"),
    )
    op.create_table(
        "sync_runs",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default="running", nullable=False),
        sa.Column("since", INSTANT, nullable=True),
        sa.Column("until", INSTANT, nullable=True),
        sa.Column("max_predictions", sa.Integer(), nullable=True),
        sa.Column("walk_back_to", INSTANT, nullable=True),
        sa.Column("cursor", sa.Text(), nullable=True),
        *(
            sa.Column(name, sa.Integer(), server_default="0", nullable=False)
            for name in (
                *("pages", "predictions_checked", "jobs_processed"),
                *("jobs_created", "jobs_updated", "skipped"),
            )
        ),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("lease_token", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("lease_until", INSTANT, nullable=True),
        sa.Column("began_at", INSTANT, server_default=sa.text("now()"), nullable=False),
        sa.Column("started_at", INSTANT, server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", INSTANT, server_default=sa.text("now()"), nullable=False),
        sa.Column("finished_at", INSTANT, nullable=True),
        sa.CheckConstraint("mode IN ('bootstrap', 'regular')", name=op.f("ck_sync_runs_mode")),
        sa.CheckConstraint(
            "status IN ('running', 'complete', 'partial', 'failed')",
            name=op.f("ck_sync_runs_status"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sync_runs")),
    )
    op.create_index("ix_sync_runs_status", "sync_runs", ["status", "started_at"])
    op.create_table(
        "sync_results",
        sa.Column("id", sa.BigInteger(), autoincrement=True, nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("prediction_id", sa.Text(), nullable=True),
        sa.Column("job_id", sa.Uuid(), nullable=True),
        sa.Column("result", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("raw", JSON, nullable=True),
        sa.Column("at", INSTANT, server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"], ["sync_runs.id"], name=op.f("fk_sync_results_run_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sync_results")),
    )
    op.create_index("ix_sync_results_run", "sync_results", ["run_id", "id"])
    op.create_index(
        "uq_sync_results_prediction",
        "sync_results",
        ["run_id", "prediction_id"],
        unique=True,
        postgresql_where=sa.text("prediction_id IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_table("sync_results")
    op.drop_table("sync_runs")
    op.drop_index("ix_jobs_acceptance_unrecorded", table_name="jobs")
    op.drop_column("jobs", "acceptance_recorded_at")
    op.drop_column("jobs", "provenance")
