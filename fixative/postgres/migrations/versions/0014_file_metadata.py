"""Input files as Replicate's clients know them: what is said of them, and lists of an owner's own.

The index is built while files go on being written. What a build that was broken off has left is
removed first.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSON

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = 0")  # it waits for every transaction that is under way
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS ix_files_uploaded")
        op.execute(
            "CREATE INDEX CONCURRENTLY ix_files_uploaded ON files (owner_id, id)"
            " WHERE job_id IS NULL"
        )
        op.execute("SET lock_timeout = '5s'")
    op.add_column("files", sa.Column("metadata", JSON(none_as_null=True), nullable=True))


def downgrade() -> None:
    op.drop_index("ix_files_uploaded", table_name="files")
    op.drop_column("files", "metadata")
