"""Following moves: in the order of their numbers, none left out, whoever commits when."""

import re
import uuid
from contextlib import contextmanager

import pytest
from sqlalchemy import event, insert, text

from fixative.access.owners import ensure_owner
from fixative.jobs.accept import JobRequest, accept
from fixative.jobs.delete import delete_job
from fixative.jobs.moves import Frontier, Which, newest_move, read_moves
from fixative.jobs.store import get_job, move
from fixative.postgres.tables import Transition

ALL = Which()


@pytest.fixture
def follow(database):
    """Read on from where it was: the statuses of what is followed, each once."""

    class Follower:
        def __init__(self):
            self.frontier = Frontier()
            self.told = 0

        def __call__(self, which=ALL, limit=1000):
            with database.begin() as session:
                self.frontier.advance(session)
                up_to = self.frontier.number or 0
                moves = read_moves(session, [which], after=self.told, up_to=up_to, limit=limit)
            if moves:
                self.told = moves[-1].number
            return [(each.job_id, each.status) for each in moves]

    return Follower


@pytest.fixture
def moving(database):
    """Move a job, and commit when the block ends."""

    @contextmanager
    def begun(job_id, to="submitting"):
        with database.begin() as session:
            assert move(session, job_id, to, cause="task")
            yield

    return begun


def test_a_smaller_number_that_is_committed_later_is_neither_lost_nor_out_of_order(
    follow, submit, moving
):
    slow, quick = submit(), submit()
    followed = follow()
    assert followed() == [(slow, "queued"), (quick, "queued")]

    with moving(slow):
        with moving(quick):
            pass
        assert followed() == []

    assert followed() == [(slow, "submitting"), (quick, "submitting")]


def test_overlapping_writers_do_not_hold_it_up_for_ever(database, follow, submit, moving):
    jobs = [submit() for _ in range(6)]
    followed = follow()
    followed()
    open_now = moving(jobs[0])
    open_now.__enter__()
    told = []
    for job in jobs[1:]:
        following = moving(job)
        following.__enter__()
        told += followed()
        open_now.__exit__(None, None, None)
        open_now = following
        told += followed()
    assert told  # though at no look was nobody writing
    open_now.__exit__(None, None, None)
    told += followed()
    assert told == [(job, "submitting") for job in jobs]


def test_long_work_on_other_tables_holds_nothing_up(database, follow, submit, moving):
    job = submit()
    followed = follow()
    followed()

    with database.begin() as session:
        session.execute(text("UPDATE owners SET weight = 2"))
        with moving(job):
            pass

        assert followed() == [(job, "submitting")]


def test_what_was_rolled_back_leaves_no_gap_that_is_waited_for(database, follow, submit):
    job = submit()
    followed = follow()
    followed()
    with database.begin() as session:
        move(session, job, "submitting", cause="task")
        session.rollback()

    with database.begin() as session:
        move(session, job, "canceled", cause="api")
    assert followed() == [(job, "canceled")]


def test_each_stream_has_its_own(database, follow, submit, moving):
    with database.begin() as session:
        others = ensure_owner(session, "others").id
        theirs = accept(session, JobRequest(model="emu/image", input={}), others).job.id
    mine, another = submit(), submit()
    with moving(theirs):
        pass

    assert follow()(Which(owner_id=others)) == [(theirs, "queued"), (theirs, "submitting")]
    assert follow()(Which(job_id=mine)) == [(mine, "queued")]
    assert {job for job, _ in follow()()} == {mine, another, theirs}


def test_what_was_brought_back_is_in_its_jobs_stream_alone(database, follow, submit, owner_id):
    job = submit()
    brought_back = {"job_id": job, "cause": "rebuild", "to_status": "storing"}
    with database.begin() as session:
        session.execute(insert(Transition).values(brought_back))

    assert (job, "storing") in follow()(Which(job_id=job))
    assert follow()(Which(owner_id=owner_id)) == follow()() == [(job, "queued")]


def test_a_deleted_jobs_moves_are_shown_no_more(database, follow, submit, moving):
    job = submit()
    with moving(job, "canceled"):
        pass
    with database.begin() as session:
        delete_job(session, get_job(session, job))

    assert follow()() == []


def test_pages_follow_each_other_without_a_gap(follow, submit):
    jobs = [submit() for _ in range(5)]
    followed = follow()

    pages = [followed(limit=2) for _ in range(4)]

    assert [len(page) for page in pages] == [2, 2, 1, 0]
    assert [job for page in pages for job, _ in page] == jobs


def test_the_newest_number_is_that_of_all_or_of_one_job(database, submit):
    first, second = submit(), submit()
    with database.begin() as session:
        of_first = newest_move(session, first)
        assert newest_move(session) == newest_move(session, second) > of_first > 0
        assert newest_move(session, uuid.uuid4()) == 0


HISTORY = """
    INSERT INTO transitions (job_id, cause, to_status, stream)
    SELECT :job, 'api', 'queued', CASE WHEN n % 500 = 0 THEN CAST(:owner AS uuid)
        ELSE gen_random_uuid() END FROM generate_series(1, 20000) n
"""


@pytest.mark.parametrize("which", ["owner", "job", "all"])
def test_a_page_of_a_long_history_is_read_in_order_by_an_index(database, submit, owner_id, which):
    job, ran = submit(), []
    chosen = {"owner": Which(owner_id=owner_id), "job": Which(job_id=job), "all": ALL}[which]
    with database.begin() as session:
        session.execute(text(HISTORY), {"job": job, "owner": owner_id})
    with database.begin() as session:
        session.execute(text("ANALYZE transitions, jobs"))
        engine = session.connection().engine
        listener = (engine, "before_cursor_execute", lambda *given: ran.append(given[2:4]))
        event.listen(*listener)
        assert len(read_moves(session, [chosen], after=100, up_to=15_000, limit=20)) == 20
        event.remove(*listener)
        [(statement, values)] = ran
        plan = session.connection().exec_driver_sql(f"EXPLAIN {statement}", values)
        told = "\n".join(row[0] for row in plan)

    index = {"owner": "ix_transitions_stream"}.get(which, "")
    assert re.search(rf"Index Scan using \w*{index}\w* on transitions", told), told
    assert "Sort" not in told
