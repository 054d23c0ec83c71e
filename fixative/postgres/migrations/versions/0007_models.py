"""Models: what was found of each, to tell when it has changed."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"

INSTANT = postgresql.TIMESTAMP(timezone=True)
JSONB = postgresql.JSONB(none_as_null=True)
NOW = sa.text("now()")


def upgrade() -> None:
    op.create_table(
        "model_states",
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("accepted", JSONB, nullable=False),
        sa.Column("accepted_at", INSTANT, server_default=NOW, nullable=False),
        sa.Column("differences", JSONB, nullable=False),
        sa.Column("checked_at", INSTANT, server_default=NOW, nullable=False),
        sa.PrimaryKeyConstraint("model", name=op.f("pk_model_states")),
    )


def downgrade() -> None:
    op.drop_table("model_states")
