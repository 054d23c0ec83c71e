"""History sync: all of Replicate's history becomes ours, and where a walk stops is a time."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import delete, func, select, update

from fixative.errors import InvalidRequest
from fixative.postgres.sync_tables import SyncRun
from fixative.postgres.tables import Attempt, Job, Owner, Transition
from fixative.recovery.history_runs import BEGINNING, Walk, open_run
from fixative.recovery.recover import recover
from fixative.recovery.sweep import sweep


@pytest.fixture
def list_reads(emulator):
    def read():
        requests = emulator.get("/_emulator/stats").json()["requests"]
        return sum(n for route, n in requests.items() if route.startswith("GET /v1/predictions "))

    return read


def test_bootstrap_makes_one_job_of_each_prediction(bootstrap, add_history, all_jobs, database):
    add_history(250)

    run = bootstrap()

    assert (run.status, run.pages, run.cursor) == ("complete", 3, None)
    assert (run.predictions_checked, run.jobs_processed, run.jobs_created) == (250, 250, 250)
    jobs = all_jobs()
    assert len(jobs) == 250
    assert {(job.source, job.status) for job in jobs} == {("sync", "storing")}
    with database.begin() as session:
        assert session.scalars(select(Owner.name).where(Owner.id == jobs[0].owner_id)).one() == (
            "admin"
        )
        attempts = list(session.scalars(select(Attempt)))
        moves = session.execute(
            select(Transition.cause, Transition.to_status, func.count()).group_by(
                Transition.cause, Transition.to_status
            )
        ).all()
    assert moves == [("sync", "storing", 250)]
    assert {a.outcome for a in attempts} == {"created"}
    by_job = {attempt.job_id: attempt for attempt in attempts}
    for job in jobs:
        assert by_job[job.id].id == job.attempt_id
        told = datetime.fromisoformat(by_job[job.id].prediction["created_at"])
        assert job.created_at == told
        assert job.model == by_job[job.id].prediction["model"]


def test_imported_jobs_stand_in_lists_at_their_own_time(bootstrap, add_history, all_jobs, submit):
    add_history(30)
    newer = submit()

    bootstrap()

    jobs = all_jobs()
    assert [job.id for job in jobs] == sorted(job.id for job in jobs)
    assert jobs[-1].id == newer


def test_again_is_no_harm(bootstrap, add_history, all_jobs):
    add_history(120)
    bootstrap()
    first = {job.id: job.updated_at for job in all_jobs()}

    again = bootstrap()

    assert (again.predictions_checked, again.jobs_processed) == (120, 120)
    assert (again.jobs_created, again.jobs_updated) == (0, 0)
    assert {job.id: job.updated_at for job in all_jobs()} == first


def test_a_dropped_database_gets_the_same_ids_again(bootstrap, add_history, all_jobs, database):
    add_history(20)
    bootstrap()
    first = {job.id for job in all_jobs()}
    with database.begin() as session:
        session.execute(delete(Job))

    bootstrap()

    assert {job.id for job in all_jobs()} == first


def test_a_strangers_prediction_behind_a_page_of_our_own_is_found_by_the_next_regular_sync(
    services, regular, add_history, submit, all_jobs
):
    regular()
    add_history(1, span_seconds=1)
    ours = [submit() for _ in range(120)]
    for job_id in ours:
        services.submitter.submit(job_id)

    run = regular()

    assert run.pages == 2
    assert run.jobs_created == 1
    assert [job.source for job in all_jobs()].count("sync") == 1


def test_a_regular_sync_reads_back_to_the_last_complete_run_and_no_further(
    regular, add_history, list_reads
):
    add_history(2000, span_seconds=40_000)
    regular()
    add_history(10, span_seconds=1)
    before = list_reads()

    run = regular()

    assert run.jobs_created == 10
    assert list_reads() - before <= 3


def test_what_was_made_while_a_run_was_being_killed_is_found_by_the_next(
    services, history, database, regular, add_history, all_jobs
):
    add_history(150, span_seconds=30_000)
    with database.begin() as session:
        killed = open_run(session, Walk())
    services.stopping.set()
    history.go_on(killed.id)  # comes to nothing
    add_history(1, span_seconds=1)
    services.stopping.clear()
    history.go_on(killed.id)
    with database.begin() as session:  # hours later
        session.execute(
            update(SyncRun).values(
                began_at=SyncRun.began_at - timedelta(hours=1), started_at=func.now()
            )
        )

    regular()

    assert len(all_jobs()) == 151


def test_a_run_that_its_limit_ended_is_partial_and_the_next_goes_on_from_its_cursor(
    bootstrap, add_history, all_jobs
):
    add_history(350)

    first, second, third = (bootstrap(max_predictions=150) for _ in range(3))

    assert [run.status for run in (first, second, third)] == ["partial", "partial", "complete"]
    assert [run.predictions_checked for run in (first, second, third)] == [150, 150, 50]
    assert [run.jobs_created for run in (first, second, third)] == [150, 150, 50]
    assert first.error is None
    assert len({first.id, second.id, third.id}) == 3
    assert len(all_jobs()) == 350


def test_what_came_while_a_limited_walk_went_on_is_within_the_next_walk(
    regular, add_history, all_jobs
):
    add_history(150, span_seconds=30_000)
    first = regular(max_predictions=50)
    add_history(1, span_seconds=1)

    second = regular(max_predictions=100)
    third = regular()

    assert second.status == "complete"
    assert second.began_at == first.began_at
    assert third.walk_back_to == first.began_at - timedelta(minutes=15)
    assert len(all_jobs()) == 151


def test_a_limit_of_one_gets_to_the_end(bootstrap, add_history, all_jobs):
    add_history(3)

    runs = [bootstrap(max_predictions=1) for _ in range(3)]

    assert [run.status for run in runs][-1] == "complete"
    assert len(all_jobs()) == 3


def test_since_and_until_bound_a_walk(regular, add_history, all_jobs):
    add_history(100, span_seconds=1000)
    now = datetime.now(UTC)

    run = regular(since=now - timedelta(seconds=500), until=now - timedelta(seconds=250))

    assert run.status == "complete"
    assert 0 < run.predictions_checked < 50
    for job in all_jobs():
        assert run.since <= job.created_at < run.until
    assert regular().walk_back_to is None  # it says nothing of what lies beyond


def test_until_before_since_is_refused(regular):
    now = datetime.now(UTC)
    with pytest.raises(InvalidRequest):
        regular(since=now, until=now - timedelta(seconds=1))


def test_a_full_walk_counts_as_one_to_walk_back_to(regular, add_history):
    add_history(5)
    full = regular(since=BEGINNING)

    assert regular().walk_back_to == full.began_at - timedelta(minutes=15)


def test_a_run_that_is_under_way_is_joined_not_doubled(history, database, add_history, all_jobs):
    add_history(120)
    with database.begin() as session:
        first = open_run(session, Walk())
        second = open_run(session, Walk(max_predictions=5))
        other = open_run(session, Walk(bootstrap=True))
    assert second.id == first.id
    assert other.id != first.id

    history.go_on(first.id)
    history.go_on(other.id)

    assert len(all_jobs()) == 120


def test_it_is_under_way_from_a_runs_opening_to_its_end(history, database, add_history):
    add_history(5)
    assert not history.is_under_way()
    with database.begin() as session:
        run = open_run(session, Walk(bootstrap=True))
    assert history.is_under_way()

    history.go_on(run.id)

    assert not history.is_under_way()


def test_a_run_that_nobody_works_on_is_hinted_by_the_sweep(database):
    with database.begin() as session:
        run = open_run(session, Walk())
    assert sweep(database, {}) == []
    with database.begin() as session:
        session.execute(update(SyncRun).values(updated_at=func.now() - timedelta(minutes=1)))

    [hint] = sweep(database, {})

    assert hint.arguments == {"run_id": str(run.id)}
    assert sweep(database, {}) == []


def test_a_run_under_a_lease_is_left_to_who_has_it(history, database, add_history, all_jobs):
    add_history(5)
    with database.begin() as session:
        run = open_run(session, Walk())
        in_a_while = func.now() + timedelta(seconds=20)
        session.execute(update(SyncRun).values(lease_until=in_a_while, lease_token=1))

    history.go_on(run.id)

    assert all_jobs() == []


def test_history_is_not_read_into_a_database_that_waits_for_recover(
    history, run_of, database, services, add_history, all_jobs
):
    add_history(3)
    services.epoch.hold()

    waiting = run_of(history, Walk(bootstrap=True))

    assert (waiting.status, waiting.lease_until, all_jobs()) == ("running", None, [])
    recover(database, services.replicate, services.epoch)
    history.go_on(waiting.id)
    assert len(all_jobs()) == 3


def test_what_was_submitted_after_a_backup_is_no_strangers_to_a_sync_before_recover(
    history, run_of, database, services, submit, attempts_of, all_jobs, emulator
):
    job_id = submit()
    services.submitter.submit(job_id)
    [made] = attempts_of(job_id)
    with database.begin() as session:  # as the backup has it
        session.execute(delete(Attempt))
        session.execute(update(Job).values(status="queued", attempt_id=None))
    services.epoch.hold()

    run_of(history, Walk(bootstrap=True))
    recover(database, services.replicate, services.epoch)

    assert [job.id for job in all_jobs()] == [job_id]
    assert [attempt.prediction_id for attempt in attempts_of(job_id)] == [made.prediction_id]
    assert emulator.get("/_emulator/stats").json()["creates"]["total"] == 1
