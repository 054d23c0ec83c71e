"""Finding jobs: by batch, by deadline, those that ended badly, by the words of their prompts.

The indexes are built while jobs go on being written. What a build that was broken off has left is
removed first.
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

INDEXES = {
    "ix_jobs_batch": "(batch_id, id) WHERE batch_id IS NOT NULL",
    "ix_jobs_deadline": "(deadline)"
    " WHERE deadline IS NOT NULL AND status IN ('queued', 'submitting')",
    "ix_jobs_ended_badly": "(owner_id, id) WHERE status IN ('failed', 'canceled')",
    "ix_jobs_words": "USING gin (job_words(owner_id, input))",
}

# JSON may spell what is no text (a NUL, half a character): such a prompt has no words.
WORDS = """
    CREATE OR REPLACE FUNCTION job_words(owner_id uuid, input json) RETURNS tsvector
    LANGUAGE plpgsql IMMUTABLE STRICT COST 1000 AS $$
    BEGIN
        RETURN array_to_tsvector(ARRAY[owner_id::text])
            || to_tsvector('simple'::regconfig, left(input ->> 'prompt', 10000));
    EXCEPTION WHEN data_exception OR program_limit_exceeded THEN
        RETURN NULL;
    END $$
"""


def upgrade() -> None:
    op.execute(WORDS)
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = 0")  # it waits for every transaction that is under way
        for name, of in INDEXES.items():
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
            op.execute(f"CREATE INDEX CONCURRENTLY {name} ON jobs {of}")
        op.execute("SET lock_timeout = '5s'")


def downgrade() -> None:
    for name in INDEXES:
        op.drop_index(name, table_name="jobs")
    op.execute(sa.text("DROP FUNCTION job_words(uuid, json)"))
