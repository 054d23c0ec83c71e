"""A Postgres that says nothing: everybody is answered in time, and it is found again by itself."""

import socket
import threading
import time

import pytest
from sqlalchemy import text

from fixative.errors import DatabaseAway
from fixative.postgres.engine import Database
from fixative.postgres.leases import LeaseKeeper, take

PATIENCE = 2.5
IN_TIME = 6.0  # the API promises 3 s; a loaded machine is given twice that


@pytest.fixture
def impatient(settings):
    made = Database(settings.sqlalchemy_url, connections=10, patience=PATIENCE)
    yield made
    made.close()


@pytest.fixture
def silent_port():
    """A server whose kernel accepts connections, and that is all."""
    with socket.create_server(("127.0.0.1", 0), backlog=200) as listening:
        yield listening.getsockname()[1]


def ask(database):
    with database.begin() as session:
        return session.scalar(text("SELECT 1"))


def seconds_to_be_refused(database):
    began = time.monotonic()
    with pytest.raises(DatabaseAway):
        ask(database)
    return time.monotonic() - began


def answers(database):
    try:
        return ask(database) == 1
    except DatabaseAway:
        return False


def at_once(count, work):
    """What `count` threads make of `work`, all begun together; every one has to end."""
    start, results = threading.Barrier(count), []

    def one():
        start.wait(60)
        results.append(work())

    threads = [threading.Thread(target=one) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(results) == count
    return results


@pytest.mark.parametrize("known", [0, 10])
def test_sixty_are_refused_in_time_while_the_server_is_stopped(
    impatient, stopped_postgres, eventually, known
):
    if known:  # connections that were good a moment ago
        at_once(known, lambda: ask(impatient))
    with stopped_postgres():
        first = at_once(60, lambda: seconds_to_be_refused(impatient))
        later = [max(at_once(60, lambda: seconds_to_be_refused(impatient))) for _ in range(3)]

    assert max(first + later) < IN_TIME
    eventually(lambda: answers(impatient))
    assert set(at_once(60, lambda: ask(impatient))) == {1}


def test_sixty_are_refused_in_time_by_a_server_that_accepts_and_says_nothing(silent_port):
    database = Database(
        f"postgresql+psycopg://u:p@127.0.0.1:{silent_port}/d", connections=10, patience=PATIENCE
    )

    rounds = [at_once(60, lambda: seconds_to_be_refused(database)) for _ in range(3)]

    assert max(seconds for one in rounds for seconds in one) < IN_TIME


def test_while_it_is_silent_one_looks_and_the_others_are_told_at_once(impatient, stopped_postgres):
    with stopped_postgres():
        seconds_to_be_refused(impatient)
        told = sorted(at_once(20, lambda: seconds_to_be_refused(impatient)))

    assert told[18] < 1


def test_a_lease_outlives_a_silence(impatient, stopped_postgres, submit, eventually):
    with impatient.begin() as session:
        lease, _ = take(session, submit())
    keeper = LeaseKeeper(impatient, every_seconds=0.1)
    with keeper.keep(lease, at_most=600):
        with stopped_postgres():
            seconds_to_be_refused(impatient)
            renewed_until = lease.held_until
        eventually(lambda: lease.held_until > renewed_until)
        lease.check()
    keeper.close()


def test_an_idle_connection_that_was_cut_is_replaced_unseen(impatient, database):
    ask(impatient)
    time.sleep(1.1)  # from then on it is looked at before it is used
    cut_others(database)

    assert ask(impatient) == 1


def test_after_a_connection_was_cut_in_use_the_others_are_not_tried(impatient, database):
    at_once(10, lambda: ask(impatient))
    cut_others(database)

    refused = [not answers(impatient) for _ in range(20)]

    assert sum(refused) <= 1


def test_a_long_statement_is_ended_by_the_server_and_keeps_nobody_from_working(impatient):
    with pytest.raises(DatabaseAway, match="statement timeout"), impatient.begin() as session:
        session.execute(text("SELECT pg_sleep(30)"))

    assert ask(impatient) == 1


def test_a_transaction_may_be_given_less_time(impatient):
    began = time.monotonic()
    with pytest.raises(DatabaseAway), impatient.begin(patience=0.3) as session:
        session.execute(text("SELECT pg_sleep(30)"))

    assert time.monotonic() - began < 2
    assert ask(impatient) == 1


def cut_others(database):
    with database.begin() as session:
        session.execute(
            text(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )
