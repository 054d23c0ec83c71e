"""The generation of an owner's webhook secret, and when it was last rotated."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012"
down_revision = "0011"

INSTANT = postgresql.TIMESTAMP(timezone=True)


def upgrade() -> None:
    generation = sa.Column("webhook_generation", sa.Integer(), server_default="0", nullable=False)
    op.add_column("owners", generation)
    op.add_column("owners", sa.Column("webhook_rotated_at", INSTANT, nullable=True))


def downgrade() -> None:
    op.drop_column("owners", "webhook_rotated_at")
    op.drop_column("owners", "webhook_generation")
