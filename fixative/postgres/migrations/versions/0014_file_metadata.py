"""What clients of Replicate's say of the files that they bring."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSON

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.add_column("files", sa.Column("metadata", JSON(none_as_null=True), nullable=True))


def downgrade() -> None:
    op.drop_column("files", "metadata")
