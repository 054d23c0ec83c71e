"""Words of jobs know their hours, so that a search need not read what is older than its page.

The index is built while jobs go on being written, beside the one that it replaces. What a build
that was broken off has left is removed first.
"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"

# Each span of a search would look through the list of what is still to be put into the index.
# A span is written with a space, which no word of a prompt has. Ids of another system have none.
WORDS = """
    CREATE OR REPLACE FUNCTION job_words(id uuid, owner_id uuid, input json) RETURNS tsvector
    LANGUAGE plpgsql IMMUTABLE STRICT COST 1000 AS $$
    DECLARE
        hour bigint := ('x' || left(replace(id::text, '-', ''), 12))::bit(48)::bigint / 3600000;
        spans text[] := ARRAY[]::text[];
    BEGIN
        IF substr(id::text, 15, 1) = '7' THEN
            spans := ARRAY['1 ' || hour, '8 ' || hour / 8, '64 ' || hour / 64, '512 ' || hour / 512];
        END IF;
        RETURN array_to_tsvector(owner_id::text || spans)
            || to_tsvector('simple'::regconfig, left(input ->> 'prompt', 10000));
    EXCEPTION WHEN data_exception OR program_limit_exceeded THEN
        RETURN NULL;
    END $$
"""
INDEX, BEFORE = "ix_jobs_words_by_hour", "ix_jobs_words"


def _replace(old: str, new: str, words: str) -> None:
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = 0")  # it waits for every transaction that is under way
        op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {new}")
        op.execute(f"CREATE INDEX CONCURRENTLY {new} ON jobs USING gin {words}")
        op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {old}")
        op.execute("SET lock_timeout = '5s'")


def upgrade() -> None:
    op.execute(WORDS)
    _replace(BEFORE, INDEX, "(job_words(id, owner_id, input)) WITH (fastupdate = off)")


def downgrade() -> None:
    _replace(INDEX, BEFORE, "(job_words(owner_id, input))")
    op.execute(sa.text("DROP FUNCTION job_words(uuid, uuid, json)"))
