"""What history sync wrote of its runs goes in time, but for what the next run needs."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select
from uuid_utils.compat import uuid7

from fixative.postgres.sync_tables import SyncResult, SyncRun
from fixative.recovery.history_prune import prune_runs

NOW = datetime.now(UTC)


@pytest.fixture
def run(database):
    """A run that ended, or not, so many days ago, with this many results; its id."""

    def make(days, status="complete", results=0, **more):
        at = NOW - timedelta(days=days)
        made = SyncRun(
            id=uuid7(),
            mode="regular",
            status=status,
            began_at=at,
            started_at=at,
            finished_at=None if status == "running" else at,
            **more,
        )
        with database.begin() as session:
            session.add(made)
            session.flush()
            session.add_all(SyncResult(run_id=made.id, result="created") for _ in range(results))
        return made.id

    return make


@pytest.fixture
def left(database):
    def read():
        with database.begin() as session:
            runs = set(session.scalars(select(SyncRun.id)))
            return runs, session.scalar(select(func.count()).select_from(SyncResult))

    return read


def test_a_run_goes_a_month_after_its_end_with_its_results(database, run, left):
    run(31, results=3)
    run(40, status="failed", results=1)
    run(50, status="partial")
    newer = run(29, results=2)

    prune_runs(database)

    assert left() == ({newer}, 2)
    prune_runs(database)
    assert left() == ({newer}, 2)


def test_the_run_that_the_next_one_walks_back_to_stays_however_old(database, run, left, regular):
    old = run(400)
    run(300, until=NOW)  # says nothing of what came later
    run(200, status="partial")

    prune_runs(database)

    assert left()[0] == {old}
    assert regular().walk_back_to == NOW - timedelta(days=400, minutes=15)


def test_a_run_under_way_stays(database, run, left):
    under_way = run(90, status="running", results=1)

    prune_runs(database)

    assert left() == ({under_way}, 1)


def test_many_results_go_a_part_at_a_time_and_their_run_last(database, run, left):
    last = run(31)
    old = run(60, results=10)
    seen = []

    for _ in range(3):
        prune_runs(database, at_once=4)
        seen.append(left())

    assert seen == [({last, old}, 6), ({last, old}, 2), ({last}, 0)]
