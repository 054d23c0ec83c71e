"""Drop-in: who is told of a job in the words of Replicate's own webhooks."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.add_column("jobs", sa.Column("webhook_format", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("jobs", "webhook_format")
