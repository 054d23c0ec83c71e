"""Workers among themselves: who lives, who hears, who is sent a canary."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from fixative.postgres import presence
from fixative.postgres.operation_tables import WorkerProcess

IO, STORE = "worker-io@here", "worker-store@here"


@pytest.fixture
def session(database):
    with database.begin() as session:
        yield session


@pytest.fixture
def older(session):
    """Put these times of a worker so many seconds back."""

    def put_back(name, **seconds):
        ago = {column: func.now() - timedelta(seconds=s) for column, s in seconds.items()}
        session.execute(update(WorkerProcess).where(WorkerProcess.name == name).values(ago))

    return put_back


def row(session, name):
    found = select(WorkerProcess).where(WorkerProcess.name == name)
    return session.scalar(found, execution_options={"populate_existing": True})


def test_a_worker_that_is_seen_again_keeps_its_start_and_its_canaries(session, older):
    presence.appear(session, IO, 7)
    presence.canary_sent(session, [IO])
    presence.canary_heard(session, IO)
    older(IO, started_at=100, seen_at=20)
    before = row(session, IO).started_at

    presence.appear(session, IO, 7)

    again = row(session, IO)
    assert (again.started_at, again.canary_sent_at) == (before, again.seen_at)
    assert again.canary_heard_at == again.seen_at


def test_another_process_of_the_same_name_begins_anew(session, older):
    presence.appear(session, IO, 7)
    presence.canary_sent(session, [IO])
    older(IO, started_at=1000)

    presence.appear(session, IO, 8)

    again = row(session, IO)
    assert (again.pid, again.canary_sent_at, again.started_at) == (8, None, again.seen_at)


def test_who_was_not_seen_for_thirty_seconds_is_not_live_and_after_an_hour_forgotten(
    session, older
):
    presence.appear(session, IO, 1)
    presence.appear(session, STORE, 2)
    assert presence.live(session) == [IO, STORE]
    older(STORE, seen_at=31)
    assert presence.live(session) == [IO]

    older(STORE, seen_at=3601)
    presence.appear(session, IO, 1)
    assert row(session, STORE) is None

    presence.leave(session, IO)
    assert presence.live(session) == []


def test_a_worker_is_sent_a_canary_every_thirty_seconds_until_it_is_long_unseen(session, older):
    for name in (IO, STORE):
        presence.appear(session, name, 1)
    assert presence.awaiting_canary(session) == [IO, STORE]
    presence.canary_sent(session, [IO, STORE])
    assert presence.awaiting_canary(session) == []

    older(IO, canary_sent_at=31)
    older(STORE, canary_sent_at=31, seen_at=31)
    assert presence.awaiting_canary(session) == [IO, STORE]  # one that hangs is to be found too
    older(STORE, seen_at=181)
    assert presence.awaiting_canary(session) == [IO]


def test_deaf_is_whose_canary_is_ninety_seconds_ahead_of_what_it_heard(session, older):
    presence.appear(session, IO, 1)
    presence.appear(session, STORE, 2)
    presence.canary_sent(session, [IO, STORE])
    older(IO, started_at=500, canary_heard_at=89)
    older(STORE, started_at=91)  # and never heard one

    assert presence.deaf(session) == [STORE]
    assert presence.lateness(session) == {IO: pytest.approx(89), STORE: pytest.approx(91)}

    presence.canary_heard(session, STORE)
    assert presence.deaf(session) == []
    older(STORE, canary_heard_at=500, seen_at=61)
    assert presence.deaf(session) == []  # dead, not deaf
