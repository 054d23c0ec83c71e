"""What history sync does with single predictions: ours, strangers', malformed, refused, deleted."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import delete, func, null, select, update

from fixative.jobs.delete import delete_job
from fixative.jobs.store import get_job, media_of
from fixative.names import STORE_OUTPUTS
from fixative.postgres.tables import Attempt, Job, Transition
from fixative.recovery.history_runs import Walk
from fixative.recovery.sweep import sweep


@pytest.fixture
def finished(services, history, regular, submit, attempts_of, emulator, eventually):
    """A job of ours whose prediction has ended at Replicate, and nobody has told us."""

    def make(**request):
        job_id = submit(**request)
        services.submitter.submit(job_id)
        url = f"/v1/predictions/{attempts_of(job_id)[0].prediction_id}"
        key = {"Authorization": "Bearer r8_test"}
        eventually(lambda: emulator.get(url, headers=key).json().get("completed_at"))
        return job_id

    return make


def test_a_job_of_ours_is_moved_by_history_and_its_hint_is_sent(
    regular, finished, sent, read_job, results_of, database
):
    job_id = finished()

    run = regular()

    assert read_job(job_id).status == "storing"
    assert [(hint.task, hint.arguments) for hint in sent] == [
        (STORE_OUTPUTS, {"job_id": str(job_id)})
    ]
    assert (run.jobs_processed, run.jobs_updated, run.jobs_created) == (1, 1, 0)
    assert [(r.result, r.job_id) for r in results_of(run)] == [("updated", job_id)]
    with database.begin() as session:
        causes = session.scalars(select(Transition.cause).where(Transition.to_status == "storing"))
        assert list(causes) == ["sync"]


def test_missing_fields_of_known_jobs_are_filled(
    services, regular, finished, read_job, attempts_of, database
):
    job_id = finished(input={"prompt": "a lighthouse"})
    regular()
    services.storer.store(job_id)
    whole = read_job(job_id)
    with database.begin() as session:
        lost = {"submitted_at": null(), "completed_at": null(), "record_due_at": null()}
        session.execute(update(Job).values(input={}, **lost))
        session.execute(update(Attempt).values(prediction=null()))

    run = regular()

    assert run.jobs_updated == 1
    job, [attempt] = read_job(job_id), attempts_of(job_id)
    assert job.status == "succeeded"
    assert job.input == whole.input
    assert job.submitted_at
    assert job.completed_at == datetime.fromisoformat(attempt.prediction["completed_at"])
    assert attempt.prediction["output"]
    assert job.record_due_at
    assert regular().jobs_updated == 0


def test_terminal_jobs_never_move_and_richer_data_is_never_emptied(
    relayed, relay, regular, run_of, finished, services, read_job, attempts_of
):
    job_id = finished()
    regular()
    services.storer.store(job_id)
    before = attempts_of(job_id)[0].prediction

    def older(_, body):
        changes = {"status": "processing", "output": None, "logs": "", "input": {}}
        body["results"] = [{**raw, **changes, "completed_at": None} for raw in body["results"]]
        return body

    def emptied(_, body):
        changes = {"data_removed": True, "output": None, "logs": "", "input": {}}
        body["results"] = [{**raw, **changes} for raw in body["results"]]
        return body

    for relay.change in (older, emptied):
        run_of(relayed, Walk(bootstrap=True))
        assert read_job(job_id).status == "succeeded"
        assert attempts_of(job_id)[0].prediction["output"] == before["output"]
        assert attempts_of(job_id)[0].prediction["input"] == before["input"]
        assert attempts_of(job_id)[0].prediction["status"] == "succeeded"


def test_deleted_jobs_stay_deleted_even_when_imported_once(
    bootstrap, add_history, all_jobs, database, attempts_of
):
    add_history(3, status="failed")
    bootstrap()
    with database.begin() as session:
        for job in all_jobs():
            delete_job(session, job)

    run = bootstrap()

    assert (run.jobs_created, run.jobs_updated, run.jobs_processed) == (0, 0, 0)
    for job in all_jobs():
        assert job.deleted_at
        assert attempts_of(job.id)[0].prediction is None


def test_what_an_unsettled_create_may_have_made_is_not_imported_in_that_run(
    services, bootstrap, add_history, submit, database, all_jobs, read_job
):
    job_id = submit()
    with database.begin() as session:
        unsettled = Attempt(id=job_id, job_id=job_id, number=1, outcome="unknown")
        session.add(unsettled)
    add_history(3, span_seconds=1, model="black-forest-labs/flux-schnell")

    run = bootstrap()

    assert (run.predictions_checked, run.jobs_created, run.jobs_processed) == (3, 0, 0)
    with database.begin() as session:
        session.execute(update(Attempt).values(outcome="absent", settled_at=func.now()))
    assert bootstrap().jobs_created == 3


def test_malformed_predictions_are_skipped_counted_and_kept_for_a_look(
    relayed, relay, run_of, add_history, all_jobs, results_of
):
    add_history(5)
    broken = [
        "no object",
        {"id": "abc", "status": "succeeded"},
        {"id": "abd", "status": "melted", "created_at": "2026-01-01T00:00:00Z"},
        {"status": "failed", "created_at": "2026-01-01T00:00:00Z", "metrics": float("nan")},
    ]
    relay.change = lambda _, body: {**body, "results": broken + body["results"]}

    run = run_of(relayed, Walk(bootstrap=True))

    assert run.status == "complete"
    assert (run.predictions_checked, run.skipped, run.jobs_created) == (9, 4, 5)
    skipped = [result for result in results_of(run) if result.result == "skipped"]
    assert [result.prediction_id for result in skipped] == [None, "abc", "abd", None]
    assert [result.raw for result in skipped[:3]] == broken[:3]
    assert '"metrics": NaN' in skipped[3].raw
    assert all(result.reason.startswith("malformed: ") for result in skipped)
    assert len(all_jobs()) == 5


def test_a_database_error_of_one_row_skips_that_row_only(
    relayed, relay, run_of, add_history, all_jobs, results_of
):
    add_history(100)

    def with_a_nul(_, body):
        body["results"][40]["model"] = "nobody/no\0name"  # text in Postgres has none
        return body

    relay.change = with_a_nul

    run = run_of(relayed, Walk(bootstrap=True))

    assert (run.status, run.jobs_created, run.skipped) == ("complete", 99, 1)
    [skipped] = [result for result in results_of(run) if result.result == "skipped"]
    assert skipped.reason.startswith("database: ")
    assert skipped.raw["model"] == "nobody/no\0name"
    assert len(all_jobs()) == 99


def test_a_database_error_of_one_row_of_ours_skips_that_row_only(
    database, regular, finished, read_job, results_of, sent
):
    refused, moved = finished(), finished()
    with database.begin() as session:
        connection = session.connection()
        connection.exec_driver_sql(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE EXCEPTION 'not this one'; END $$"
        )
        connection.exec_driver_sql(
            "CREATE TRIGGER refuse BEFORE UPDATE ON jobs FOR EACH ROW"
            f" WHEN (OLD.id = '{refused}') EXECUTE FUNCTION refuse()"
        )

    run = regular()

    assert (run.status, run.skipped, run.jobs_updated) == ("complete", 1, 1)
    assert read_job(refused).status == "starting"
    assert read_job(moved).status == "storing"
    assert [result.reason for result in results_of(run) if result.result == "skipped"] == [
        "database: (psycopg.errors.RaiseException) not this one"
    ]
    assert [hint.arguments["job_id"] for hint in sent] == [str(moved)]


@pytest.mark.parametrize(
    ("imports", "by_bootstrap", "by_regular"),
    [("all", 3, 3), ("bootstrap", 3, 0), ("none", 0, 0)],
)
def test_what_is_not_ours_is_imported_as_the_setting_says(
    history, run_of, add_history, database, imports, by_bootstrap, by_regular
):
    add_history(3)
    history = replace(history, imports=imports)

    for walk, created in (Walk(), by_regular), (Walk(bootstrap=True), by_bootstrap):
        run = run_of(history, walk)
        assert (run.predictions_checked, run.jobs_created) == (3, created)
        with database.begin() as session:
            session.execute(delete(Job))


@pytest.mark.parametrize(
    ("status", "becomes", "code"),
    [
        ("succeeded", "storing", None),
        ("failed", "failed", "model_error"),
        ("canceled", "canceled", "canceled"),
        ("aborted", "canceled", "aborted"),
    ],
)
def test_how_a_strangers_prediction_ended_its_job_ends(
    bootstrap, add_history, all_jobs, status, becomes, code
):
    add_history(1, status=status)

    bootstrap()

    [job] = all_jobs()
    assert job.status == becomes
    assert (job.error or {}).get("code") == code
    assert bool(job.record_due_at) == (becomes != "storing")
    assert bool(job.completed_at) == (becomes != "storing")


def test_a_strangers_running_prediction_is_followed_by_the_poll(
    bootstrap, relayed, relay, run_of, add_history, all_jobs, attempts_of
):
    add_history(1)

    def running(_, body):
        told = {"status": "processing", "output": None, "completed_at": None}
        body["results"] = [{**raw, **told} for raw in body["results"]]
        return body

    relay.change = running
    run_of(relayed, Walk(bootstrap=True))
    [job] = all_jobs()
    assert job.status == "processing"
    assert attempts_of(job.id)[0].prediction_status == "processing"

    bootstrap()

    assert all_jobs()[0].status == "storing"


def test_a_strangers_files_that_are_gone_are_no_failure(
    services, bootstrap, add_history, emulator, all_jobs, attempts_of, relayed, relay, run_of
):
    add_history(2)
    emulator.post("/_emulator/config", json={"retention_seconds": 0}).raise_for_status()

    bootstrap()

    for job in all_jobs():
        assert (job.status, job.error) == ("succeeded", None)
        assert attempts_of(job.id)[0].prediction["data_removed"] is True
        assert job.record_due_at


def test_a_strangers_files_that_went_before_they_could_be_fetched_are_no_failure_either(
    services, bootstrap, add_history, emulator, all_jobs, attempts_of, database
):
    add_history(1, model="black-forest-labs/flux-schnell")
    bootstrap()
    emulator.post("/_emulator/config", json={"retention_seconds": 0}).raise_for_status()
    [job] = all_jobs()

    services.storer.store(job.id)

    [job] = all_jobs()
    assert (job.status, job.error) == ("succeeded", None)
    assert attempts_of(job.id)[0].prediction["data_removed"] is True
    with database.begin() as session:
        assert media_of(session, job) == []


def test_what_expires_first_is_fetched_first_and_at_once(
    services, bootstrap, add_history, all_jobs, database
):
    add_history(20, span_seconds=3000, model="black-forest-labs/flux-schnell")
    add_history(2, span_seconds=3000, source="web", model="black-forest-labs/flux-schnell")
    bootstrap()

    hinted = [hint.arguments["job_id"] for hint in sweep(database, {})]

    jobs = {str(job.id): job for job in all_jobs()}
    assert len(hinted) == 22
    ends = [jobs[job_id].expires_at for job_id in hinted]
    assert ends == sorted(ends)
    assert ends[-1] > datetime.now(UTC) + timedelta(days=10_000)  # kept by Replicate for good
    services.storer.store(jobs[hinted[0]].id)
    with database.begin() as session:
        assert get_job(session, jobs[hinted[0]].id).status == "succeeded"
        assert len(media_of(session, jobs[hinted[0]])) == 1


def test_a_job_that_lost_its_attempt_gets_it_back(
    bootstrap, add_history, all_jobs, database, attempts_of
):
    add_history(2)
    bootstrap()
    with database.begin() as session:
        session.execute(delete(Attempt))

    run = bootstrap()

    assert (run.jobs_created, run.jobs_updated) == (0, 2)
    for job in all_jobs():
        assert [attempt.id for attempt in attempts_of(job.id)] == [job.attempt_id]
