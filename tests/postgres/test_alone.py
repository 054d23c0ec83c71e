"""One statement by itself: a transaction of its own, and nothing of it stays on the connection."""

from contextlib import suppress

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DataError

from fixative.errors import DatabaseAway
from fixative.postgres.prepared import Prepared

WHO = Prepared(text("SELECT pg_backend_pid(), 10 % 4, CAST(:word AS text)"))
UNDONE = Prepared(text("SELECT to_regclass('undone')"))
SUM = Prepared(text("SELECT 6 / CAST(:by AS int)"))


def backend(database):
    [(pid, *_)] = database.alone(WHO, word="")
    return pid


def test_its_rows_are_tuples_and_the_connection_is_left_for_transactions(single):
    [(pid, remainder, word)] = single.alone(WHO, word="100 %s")
    assert (remainder, word) == (2, "100 %s")

    with suppress(LookupError), single.begin() as session:
        session.execute(text("CREATE TEMPORARY TABLE undone ()"))
        raise LookupError

    assert backend(single) == pid
    assert single.alone(UNDONE) == [(None,)]


def test_a_connection_on_which_it_failed_is_replaced(single):
    before = backend(single)
    single.alone(SUM, by=2)

    with pytest.raises(DataError):
        single.alone(SUM, by=0)

    assert backend(single) != before


def test_one_that_was_cut_off_is_told_as_away_and_replaced(single, cut_off):
    pid = backend(single)
    cut_off(pid)

    with pytest.raises(DatabaseAway):
        backend(single)

    assert backend(single) != pid


def test_a_stopped_server_is_away_in_time_and_found_again(single, stopped_postgres, eventually):
    backend(single)
    with stopped_postgres(), pytest.raises(DatabaseAway):
        backend(single)

    def found():
        try:
            return backend(single)
        except DatabaseAway:
            return None

    eventually(found)
    assert backend(single)  # it is not thought silent any more
