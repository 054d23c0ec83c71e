"""History sync when Replicate is busy, away, or refuses; and when it is told to end."""

import threading
import time
from dataclasses import replace
from itertools import count

import pytest
from pydantic import SecretStr
from sqlalchemy import func, select, update

from fixative.postgres.sync_tables import SyncRun
from fixative.recovery.history_reader import Reader, Stopped
from fixative.recovery.history_runs import Walk, open_run
from fixative.replicate.client import Replicate


@pytest.fixture
def busy(relay):
    """Let the list answer 429 so often before it answers."""

    def first(times, **more):
        left = iter(range(times))

        def change(_, body):
            if next(left, None) is None:
                return body
            return 429, {"detail": "Request was throttled.", "status": 429, **more}

        relay.change = change

    return first


def test_a_rate_limit_is_waited_for_as_told(relayed, relay, busy, run_of, add_history):
    add_history(5)
    busy(2, retry_after=1)
    began = time.monotonic()

    run = run_of(relayed, Walk(bootstrap=True))

    assert time.monotonic() - began >= 2
    assert (run.status, run.jobs_created) == ("complete", 5)


def test_a_rate_limit_that_names_no_time_is_waited_for_five_seconds(
    relayed, relay, busy, run_of, add_history
):
    add_history(5)
    busy(1)
    began = time.monotonic()

    run = run_of(relayed, Walk(bootstrap=True))

    assert time.monotonic() - began >= 5
    assert run.status == "complete"


def test_a_wait_ends_when_the_process_is_asked_to_end_and_the_run_is_left_for_another(
    relayed, relay, busy, add_history, eventually, database, history, all_jobs
):
    add_history(5)
    busy(1, retry_after=600)
    walking = threading.Thread(target=relayed.sync, args=(Walk(bootstrap=True),))
    walking.start()
    eventually(lambda: relay.lists)

    relayed.stopping.set()
    walking.join(10)

    assert not walking.is_alive()
    with database.begin() as session:
        run = session.scalars(select(SyncRun)).one()
    assert (run.status, run.lease_until) == ("running", None)
    relayed.stopping.clear()
    history.sync(Walk(bootstrap=True))
    assert len(all_jobs()) == 5


def test_while_a_page_is_waited_for_the_lease_is_kept(relay, environ):
    said = count()
    replicate = Replicate(relay.url, SecretStr("r8_test"))
    still_waiting = threading.Event()

    def change(_, body):
        still_waiting.wait(20)
        return body

    def still_here():
        next(said)
        still_waiting.set()

    relay.change = change
    with Reader(replicate, threading.Event(), still_here) as reader:
        assert reader.page("").following is None
    assert next(said) == 1
    replicate.close()


def test_when_replicate_is_away_what_was_fetched_is_kept_and_the_next_run_goes_on(
    relayed, relay, run_of, add_history, all_jobs
):
    add_history(350)
    relay.change = lambda _, body: (500, {}) if len(relay.lists) > 2 else body

    broken = run_of(relayed, Walk(bootstrap=True))

    assert (broken.status, broken.jobs_created) == ("partial", 200)
    assert broken.error
    assert broken.cursor
    assert len(all_jobs()) == 200
    relay.change = lambda _, body: body
    run = run_of(relayed, Walk(bootstrap=True))
    assert (run.status, run.predictions_checked, run.jobs_created) == ("complete", 150, 150)
    assert len(all_jobs()) == 350


def test_one_error_among_many_pages_ends_nothing(relayed, relay, run_of, add_history):
    add_history(350)
    relay.change = lambda _, body: (500, {}) if len(relay.lists) == 3 else body

    run = run_of(relayed, Walk(bootstrap=True))

    assert (run.status, run.jobs_created) == ("complete", 350)


def test_what_replicate_refuses_fails_the_run_and_the_next_begins_anew(
    relayed, relay, run_of, add_history
):
    add_history(350)
    refusal = {"detail": "Invalid cursor", "status": 400}
    relay.change = lambda path, body: (400, refusal) if "cursor" in path else body

    failed = run_of(relayed, Walk(bootstrap=True))

    assert (failed.status, failed.jobs_created) == ("failed", 100)
    assert "Invalid cursor" in failed.error
    relay.change = lambda _, body: body
    run = run_of(relayed, Walk(bootstrap=True))
    assert (run.predictions_checked, run.jobs_created) == (350, 250)


def test_a_worker_that_slept_through_its_lease_writes_nothing(
    relayed, relay, database, add_history, all_jobs
):
    add_history(150)

    def taken_by_another(path, body):
        with database.begin() as session:
            session.execute(update(SyncRun).values(lease_token=SyncRun.lease_token + 1))
        return body

    relay.change = taken_by_another
    with database.begin() as session:
        run_id = open_run(session, Walk()).id

    relayed.go_on(run_id)

    assert all_jobs() == []
    with database.begin() as session:
        run = session.get_one(SyncRun, run_id)
    assert (run.status, run.pages, run.predictions_checked) == ("running", 0, 0)


def test_a_run_whose_worker_died_goes_on_from_its_cursor_and_counts_nothing_twice(
    history, database, add_history, all_jobs
):
    add_history(350)

    class Killed(BaseException): ...

    def dies(hints):
        if next(pages) == 2:
            raise Killed

    pages = count(1)
    with database.begin() as session:
        run_id = open_run(session, Walk(bootstrap=True)).id
    with pytest.raises(Killed):
        replace(history, send=dies).go_on(run_id)
    with database.begin() as session:
        ended = func.now() - func.make_interval(0, 0, 0, 0, 0, 0, 1)
        session.execute(update(SyncRun).values(lease_until=ended))

    history.go_on(run_id)

    with database.begin() as session:
        run = session.get_one(SyncRun, run_id)
    assert (run.status, run.pages) == ("complete", 4)
    assert (run.predictions_checked, run.jobs_created) == (350, 350)
    assert len(all_jobs()) == 350
    history.go_on(run_id)  # a late message
    assert len(all_jobs()) == 350


def test_stopping_ends_a_walk_between_two_pages(history, eventually):
    stopping = threading.Event()
    stopping.set()
    with (
        Reader(history.replicate, stopping, lambda: None) as reader,
        pytest.raises(Stopped),
    ):
        reader.page("")
    # The page that was begun ends by itself, before the connections are closed.
    eventually(lambda: not any(t.name.startswith("history") for t in threading.enumerate()))
