"""A look at the database: one statement by itself, and nothing of it stays on the connection."""

from contextlib import suppress

import pytest
from psycopg.errors import UndefinedTable
from sqlalchemy import text

from fixative.errors import DatabaseAway
from fixative.postgres.engine import Database

WHO = text("SELECT pg_backend_pid(), 10 % 4, CAST(:word AS text)")
LETTERS = text("SELECT * FROM letters_that_nobody_wrote")


@pytest.fixture
def alone(settings):
    """A database of one connection, so that everybody gets the same."""
    made = Database(settings.sqlalchemy_url, connections=1, patience=2.5)
    yield made
    made.close()


def backend(database):
    [(pid, *_)] = database.look(WHO, word="")
    return pid


def test_its_rows_are_tuples_and_the_connection_is_left_for_transactions(alone):
    [(pid, remainder, word)] = alone.look(WHO, word="100 %s")
    assert (remainder, word) == (2, "100 %s")

    with suppress(LookupError), alone.begin() as session:
        session.execute(text("CREATE TEMPORARY TABLE undone ()"))
        raise LookupError

    assert backend(alone) == pid
    assert alone.look(text("SELECT to_regclass('undone')")) == [(None,)]


def test_a_connection_on_which_it_failed_is_replaced(alone):
    before = backend(alone)

    with pytest.raises(UndefinedTable):
        alone.look(LETTERS)

    assert backend(alone) != before


def test_one_that_was_cut_off_is_told_as_away_and_replaced(alone, database):
    pid = backend(alone)
    with database.begin() as session:
        session.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid})

    with pytest.raises(DatabaseAway):
        backend(alone)

    assert backend(alone) != pid


def test_a_stopped_server_is_away_in_time_and_found_again(alone, stopped_postgres, eventually):
    backend(alone)
    with stopped_postgres(), pytest.raises(DatabaseAway):
        backend(alone)

    def found():
        try:
            return backend(alone)
        except DatabaseAway:
            return None

    eventually(found)
    assert backend(alone)  # it is not thought silent any more
