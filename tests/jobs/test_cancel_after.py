"""`cancel_after`: what is not submitted in time ends, and what is left bounds the run."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from fixative.jobs.accept import JobRequest
from fixative.jobs.overdue import abort_overdue, seconds_of_run
from fixative.postgres.tables import Attempt, Job
from fixative.recovery.sweep import sweep

NOW = datetime(2026, 8, 7, 12, tzinfo=UTC)


@pytest.fixture
def later(database):
    """Some seconds pass for every job."""

    def pass_(seconds):
        with database.begin() as session:
            earlier = {"deadline": Job.deadline - timedelta(seconds=seconds)}
            session.execute(update(Job).values(earlier))

    return pass_


@pytest.fixture
def lost_post(emulator):
    """Creates are answered with 500 and happen all the same."""

    def lose(probability):
        faults = {"create_then_500": probability}
        emulator.post("/_emulator/config", json={"faults": faults}).raise_for_status()

    yield lose
    lose(0)


def test_a_waiting_job_is_aborted_once_its_time_is_over_and_not_before(
    database, submit, read_job, later
):
    job_id, other = submit(cancel_after=60), submit()
    later(59)
    sweep(database, {})
    assert read_job(job_id).status == "queued"

    later(1)
    sweep(database, {})

    job = read_job(job_id)
    assert (job.status, job.error["code"]) == ("canceled", "aborted")
    assert "60 s" in job.error["message"]
    assert read_job(other).status == "queued"


def test_an_overdue_job_is_not_submitted_though_nobody_ended_it_yet(
    services, submit, read_job, later, attempts_of, admit, emulator
):
    job_id = submit(cancel_after=60)
    later(60)

    assert admit(services.creates) == ([], False)
    services.submitter.submit(job_id)

    assert (read_job(job_id).status, attempts_of(job_id)) == ("queued", [])
    assert emulator.get("/_emulator/stats").json()["creates"]["total"] == 0


def test_a_job_admitted_too_late_is_aborted(database, services, submit, read_job, later, admit):
    job_id = submit(cancel_after=60)
    admit(services.creates)
    later(60)

    services.submitter.submit(job_id)
    sweep(database, {})

    assert read_job(job_id).error["code"] == "aborted"


def test_what_may_have_been_sent_is_settled_first(
    database, services, submit, read_job, later, lost_post, attempts_of
):
    services.submitter.models.target_of("black-forest-labs/flux-schnell", None, None)
    lost_post(1)
    job_id = submit(cancel_after=60)
    services.submitter.submit(job_id)
    later(60)

    sweep(database, {})

    assert read_job(job_id).status == "submitting"
    assert attempts_of(job_id)[0].outcome == "unknown"
    with database.begin() as session:
        session.execute(update(Attempt).values(outcome="absent"))
    sweep(database, {})
    assert read_job(job_id).error["code"] == "aborted"


def test_what_was_submitted_in_time_goes_on(database, services, submit, read_job, later):
    job_id = submit(cancel_after=60)
    services.submitter.submit(job_id)
    later(60)

    sweep(database, {})

    assert read_job(job_id).status in {"starting", "processing"}


@pytest.mark.parametrize(
    ("left", "of_the_model", "expected"),
    [
        *((599.9, None, 599), (3, None, 5), (80_000, None, 7200), (None, None, 7200)),
        *((80_000, 30, 30), (20, 30, 20), (None, 30, 30), (80_000, 9000, 9000)),
    ],
)
def test_a_run_may_last_for_what_is_left_but_no_longer_than_any(left, of_the_model, expected):
    deadline = None if left is None else NOW + timedelta(seconds=left)
    job = Job(deadline=deadline, max_seconds=of_the_model)

    assert seconds_of_run(job, Attempt(created_at=NOW), 7200) == expected


def test_what_is_left_goes_along_as_cancel_after(services, submit, attempts_of, read_job):
    job_id = submit(cancel_after=600)

    services.submitter.submit(job_id)

    [attempt] = attempts_of(job_id)
    told = attempt.prediction
    lasts = datetime.fromisoformat(told["deadline"]) - datetime.fromisoformat(told["created_at"])
    assert lasts.total_seconds() == seconds_of_run(read_job(job_id), attempt, 7200)


def test_it_is_part_of_what_a_key_stands_for_and_changes_no_digest_of_before():
    plain = JobRequest(model="a/b", input={"x": 1})

    assert plain.digest == "b15c6c2d9752a021b5f94ec1db8c7096c8e21905d3fcab10c56db7189ab764d4"
    assert JobRequest(model="a/b", input={"x": 1}, cancel_after=60).digest != plain.digest


def test_as_many_as_are_asked_for_are_aborted_those_first_that_are_due_for_longest(
    database, submit, read_job, later
):
    jobs = [submit(cancel_after=seconds) for seconds in (300, 100, 200)]
    later(300)

    abort_overdue(database, at_most=2)

    assert [read_job(job_id).status for job_id in jobs] == ["queued", "canceled", "canceled"]
