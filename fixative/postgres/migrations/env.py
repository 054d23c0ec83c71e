"""Alembic's entry: one connection, a transaction for each migration, short lock time-outs."""

import time

from alembic import context
from sqlalchemy import Connection, create_engine, text

from fixative.postgres.base import Table

LOCK = 4622133
ASK_AGAIN_SECONDS = 0.2


def run() -> None:
    """Bring the database of the option `sqlalchemy.url` to the asked revision."""
    url = context.config.get_main_option("sqlalchemy.url")
    if not url:
        from fixative.settings import load_settings

        url = load_settings().sqlalchemy_url
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            _wait_for_turn(connection)
            connection.execute(text("SET lock_timeout = '5s'"))
            connection.commit()
            context.configure(
                connection=connection,
                target_metadata=Table.metadata,
                transaction_per_migration=True,
            )
            with context.begin_transaction():
                context.run_migrations()
    finally:
        engine.dispose()


def _wait_for_turn(connection: Connection) -> None:
    """Two processes that start together migrate one after the other: it lasts as the connection.

    It is asked for again and again, since an index that is built beside writers waits for every
    transaction, also for one that would wait here.
    """
    while not connection.scalar(text(f"SELECT pg_try_advisory_lock({LOCK})")):
        connection.rollback()
        time.sleep(ASK_AGAIN_SECONDS)
    connection.commit()


run()
