"""Lists whose pages are read along an index: jobs by model, kind and label, what was told, letters.

The indexes are built while rows go on being written. What a build that was broken off has left is
removed first.
"""

from alembic import op

revision = "0016"
down_revision = "0015"

INDEXES = {
    "ix_jobs_model": "jobs (model, owner_id, id)",
    "ix_jobs_model_ended_badly": "jobs (model, owner_id, id)"
    " WHERE status IN ('failed', 'canceled')",
    "ix_jobs_type": "jobs (job_type, owner_id, id)",
    "ix_jobs_label": "jobs (label, owner_id, id) WHERE label IS NOT NULL",
    "ix_jobs_brought": "jobs (source, owner_id, id) WHERE source IN ('sync', 'replay')",
    "ix_notifications_owner": "notifications (owner_id, at, id)",
    "ix_notifications_owner_given_up": "notifications (owner_id, at, id)"
    " WHERE next_attempt_at IS NULL AND delivered_at IS NULL",
    "ix_dead_letters_newest": "dead_letters (id) WHERE requeued_at IS NULL",
}


def upgrade() -> None:
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = 0")  # it waits for every transaction that is under way
        for name, of in INDEXES.items():
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
            op.execute(f"CREATE INDEX CONCURRENTLY {name} ON {of}")
        op.execute("SET lock_timeout = '5s'")


def downgrade() -> None:
    for name in INDEXES:
        op.drop_index(name)
