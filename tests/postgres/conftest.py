"""A database whose connection is known, and may be cut off."""

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import text

from fixative.postgres.engine import Database
from fixative.settings import Settings


@pytest.fixture
def single(settings: Settings) -> Iterator[Database]:
    """A database of one connection, so that everybody gets the same."""
    made = Database(settings.sqlalchemy_url, connections=1, patience=2.5)
    yield made
    made.close()


@pytest.fixture
def cut_off(database: Database) -> Callable[[int], None]:
    """End the connection of this backend, from another."""

    def end(pid: int) -> None:
        with database.begin() as session:
            session.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid})

    return end
