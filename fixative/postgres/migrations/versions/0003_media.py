"""Media: what deriving finds, records that are due, deletion and retention, input files."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"

INSTANT = postgresql.TIMESTAMP(timezone=True)
JSON = postgresql.JSON(none_as_null=True)
OF_JOBS = {
    "ix_jobs_expiring": ("expires_at", "status = 'storing'"),
    "ix_jobs_record_due": ("record_due_at", "record_due_at IS NOT NULL"),
    "ix_jobs_purge_due": ("purge_due_at", "purge_due_at IS NOT NULL"),
    "ix_jobs_kept": ("owner_id, completed_at", "completed_at IS NOT NULL AND deleted_at IS NULL"),
}


def upgrade() -> None:
    op.add_column("owners", sa.Column("retention_days", sa.Integer(), nullable=True))
    for name in ("record_due_at", "expires_at", "deleted_at", "purge_due_at"):
        op.add_column("jobs", sa.Column(name, INSTANT, nullable=True))
    op.add_column(
        "jobs",
        sa.Column("large", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )
    for name, (columns, condition) in OF_JOBS.items():
        op.create_index(name, "jobs", columns.split(", "), postgresql_where=sa.text(condition))
    op.add_column("attempts", sa.Column("input", JSON, nullable=True))
    op.add_column("media", sa.Column("details", JSON, nullable=True))
    op.add_column("media", sa.Column("derive_error", sa.Text(), nullable=True))
    op.create_table(
        "files",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("content_type", sa.Text(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=True),
        sa.Column("created_at", INSTANT, server_default=sa.text("now()"), nullable=False),
        sa.Column("stored_at", INSTANT, nullable=True),
        sa.Column("used_at", INSTANT, server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["owners.id"], name=op.f("fk_files_owner_id")),
        sa.ForeignKeyConstraint(
            ["job_id"], ["jobs.id"], name=op.f("fk_files_job_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_files")),
    )
    op.create_index(
        "ix_files_job", "files", ["job_id"], postgresql_where=sa.text("job_id IS NOT NULL")
    )
    op.create_index("ix_files_page", "files", ["owner_id", "id"])
    op.create_index(
        "ix_files_kept",
        "files",
        ["owner_id", "used_at"],
        postgresql_where=sa.text("job_id IS NULL AND stored_at IS NOT NULL"),
    )
    op.create_index(
        "ix_files_unseen",
        "files",
        ["created_at"],
        postgresql_where=sa.text("stored_at IS NULL"),
    )


def downgrade() -> None:
    op.drop_table("files")
    op.drop_column("media", "derive_error")
    op.drop_column("media", "details")
    op.drop_column("attempts", "input")
    for name in OF_JOBS:
        op.drop_index(name, table_name="jobs")
    for name in ("large", "purge_due_at", "deleted_at", "expires_at", "record_due_at"):
        op.drop_column("jobs", name)
    op.drop_column("owners", "retention_days")
