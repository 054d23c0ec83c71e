"""Alembic's entry: one connection, one transaction, short lock time-outs."""

from alembic import context
from sqlalchemy import create_engine, text

from fixative.postgres.base import Table


def run() -> None:
    """Bring the database of the option `sqlalchemy.url` to the asked revision."""
    url = context.config.get_main_option("sqlalchemy.url")
    if not url:
        from fixative.settings import load_settings

        url = load_settings().sqlalchemy_url
    engine = create_engine(url)
    with engine.connect() as connection:
        context.configure(connection=connection, target_metadata=Table.metadata)
        with context.begin_transaction():
            # Two processes that start together migrate one after the other.
            connection.execute(text("SELECT pg_advisory_xact_lock(4622133)"))
            connection.execute(text("SET LOCAL lock_timeout = '5s'"))
            context.run_migrations()
    engine.dispose()


run()
