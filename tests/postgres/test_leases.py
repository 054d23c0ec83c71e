"""Leases: one holder at a time, and a token that fences off the last one."""

import threading
from datetime import timedelta

import pytest
from sqlalchemy import func, update

from fixative.errors import LostLease
from fixative.jobs.store import move
from fixative.postgres.leases import LeaseKeeper, take
from fixative.postgres.tables import Job
from fixative.postgres.ticks import tick


@pytest.fixture
def taken(database):
    def take_it(job_id):
        with database.begin() as session:
            found = take(session, job_id)
            return found and found[0]

    return take_it


@pytest.fixture
def run_out(database):
    """Let every lease run out."""

    def do():
        with database.begin() as session:
            session.execute(update(Job).values(lease_until=func.now() - timedelta(seconds=1)))

    return do


def test_a_held_lease_is_not_taken(submit, taken):
    job_id = submit()

    assert taken(job_id) is not None
    assert taken(job_id) is None


def test_whoever_slept_through_the_lease_changes_nothing(
    submit, taken, run_out, database, read_job
):
    job_id = submit()
    first = taken(job_id)
    run_out()
    second = taken(job_id)

    with database.begin() as session:
        assert not move(session, job_id, "submitting", cause="task", lease=first)
        assert move(session, job_id, "submitting", cause="task", lease=second)

    assert read_job(job_id).lease_until is None


def test_many_at_once_get_one_lease(submit, taken):
    job_id, got = submit(), []
    threads = [threading.Thread(target=lambda: got.append(taken(job_id))) for _ in range(10)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len([lease for lease in got if lease]) == 1


def test_what_is_kept_is_renewed_and_what_was_lost_is_told(
    submit, taken, database, eventually, read_job
):
    keeper = LeaseKeeper(database, every_seconds=0.05)
    job_id = submit()
    lease = taken(job_id)
    until = read_job(job_id).lease_until

    with keeper.keep(lease, at_most=60):
        eventually(lambda: read_job(job_id).lease_until > until)
        lease.check()
        with database.begin() as session:
            session.execute(update(Job).values(lease_token=Job.lease_token + 1))
        eventually(lambda: lease.lost)

    keeper.close()
    with pytest.raises(LostLease):
        lease.check()


def test_a_tick_asked_for_twice_is_done_once(database):
    every = timedelta(minutes=1)

    with (
        tick(database, "t", every, lease=every) as first,
        tick(database, "t", every, lease=every) as while_at_work,
    ):
        pass
    with tick(database, "t", every, lease=every) as too_early:
        pass

    assert (first, while_at_work, too_early) == (True, False, False)


def test_a_tick_is_free_again_after_an_error(database):
    none = timedelta(0)

    with (
        pytest.raises(ValueError, match="x"),
        tick(database, "t", none, lease=timedelta(minutes=1)),
    ):
        raise ValueError("x")

    with tick(database, "t", none, lease=timedelta(minutes=1)) as again:
        assert again
