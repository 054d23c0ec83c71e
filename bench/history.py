"""A history made in the server: many jobs that ended over months, and always as much in hand."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

STATEMENTS = (Path(__file__).parent / "history.sql").read_text()
LATELY = 2_000  # jobs of the last week
UNFINISHED = 200
LEAST = 2 * LATELY
SLIM_FROM = 5_000_000  # jobs: from so many on each has the fewest rows that a job can have
SECONDARY = """
    SELECT indexname, indexdef FROM pg_indexes
    WHERE schemaname = 'public' AND tablename <> 'alembic_version' AND indexname NOT LIKE 'pk_%'
        AND indexname NOT IN (SELECT conname FROM pg_constraint)
"""


def make_history(database_url: str, jobs: int) -> None:
    """Fill a migrated, empty database with so many jobs, 4,000 at least; its statistics are fresh.

    Which job is what follows from its number alone: two histories of a size are the same but for
    when they end, which is now.
    """
    if jobs < LEAST:
        raise ValueError(f"a history has {LEAST} jobs at least")
    sizes = {"jobs": jobs, "lately": LATELY, "unfinished": UNFINISHED, "slim": jobs >= SLIM_FROM}
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("SET synchronous_commit = off")
        connection.execute("SET session_replication_role = replica")  # no foreign key is looked up
        connection.execute("SET timezone = UTC")
        connection.execute("SET maintenance_work_mem = '512MB'")
        # In one transaction, whose `now()` is the same for all.
        with connection.transaction(), _without_indexes(connection):
            for statement in STATEMENTS.format(**sizes).split(";\n\n"):
                connection.execute(statement)
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")


@contextmanager
def _without_indexes(connection: psycopg.Connection) -> Iterator[None]:
    """Indexes that are built at the end take a fraction of what keeping them takes."""
    indexes = connection.execute(SECONDARY).fetchall()
    for name, _ in indexes:
        connection.execute(f"DROP INDEX {name}")
    yield
    for _, definition in indexes:
        connection.execute(definition)
