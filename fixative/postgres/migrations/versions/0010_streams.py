"""Streams: whose stream a move of a job stands in.

What was written before stands in none: nobody can have heard of it, so nobody asks what followed.
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.add_column("transitions", sa.Column("stream", sa.Uuid(), nullable=True))
    op.create_index(
        "ix_transitions_stream",
        "transitions",
        ["stream", "id"],
        postgresql_where=sa.text("stream IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_transitions_stream", table_name="transitions")
    op.drop_column("transitions", "stream")
