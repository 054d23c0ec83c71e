"""Creating predictions: what every answer of Replicate means for the job and for the money."""

import threading
import uuid
from dataclasses import replace

import pytest
from sqlalchemy import func, update

from fixative.postgres.tables import Attempt, Job
from fixative.settings import load_settings
from worker.services import Services


@pytest.fixture
def creates(emulator):
    """How many predictions the local Replicate made."""
    return lambda: emulator.get("/_emulator/stats").json()["creates"]["total"]


@pytest.fixture
def fault(emulator, services):
    """Let every create meet this fault; what the model is, is known from before."""
    services.submitter.models.target_of("black-forest-labs/flux-schnell", None, None)

    def set_fault(name, probability=1):
        emulator.post("/_emulator/config", json={"faults": {name: probability}}).raise_for_status()

    return set_fault


def test_submitting_twice_creates_one_prediction(services, submit, creates, attempts_of):
    job_id = submit()

    services.submitter.submit(job_id)
    services.submitter.submit(job_id)

    assert creates() == 1
    assert [attempt.outcome for attempt in attempts_of(job_id)] == ["created"]


def test_ten_workers_at_once_create_one_prediction(services, submit, creates, attempts_of):
    job_id = submit()
    workers = [
        threading.Thread(target=services.submitter.submit, args=(job_id,)) for _ in range(10)
    ]

    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert creates() == 1
    assert len(attempts_of(job_id)) == 1


def test_the_prediction_carries_the_limit_of_its_run(services, submit, attempts_of):
    job_id = submit()

    services.submitter.submit(job_id)

    assert "deadline" in attempts_of(job_id)[0].prediction


def test_a_community_model_is_run_at_its_latest_version(services, submit, attempts_of, emulator):
    job_id = submit("stability-ai/sdxl")

    services.submitter.submit(job_id)

    attempt = attempts_of(job_id)[0]
    assert attempt.outcome == "created"
    assert attempt.version == attempt.prediction["version"]


@pytest.mark.parametrize("name", ["500", "create_then_500", "create_then_reset", "reset"])
def test_an_answer_that_may_hide_a_prediction_is_never_followed_by_another_post(
    services, submit, fault, emulator, attempts_of, read_job, name
):
    job_id = submit()
    fault(name)
    services.submitter.submit(job_id)
    made = emulator.get("/_emulator/stats").json()["creates"]["total"]
    fault(name, 0)

    services.submitter.submit(job_id)

    assert [attempt.outcome for attempt in attempts_of(job_id)] == ["unknown"]
    assert read_job(job_id).status == "submitting"
    assert emulator.get("/_emulator/stats").json()["creates"]["total"] == made


@pytest.mark.parametrize(("name", "reason"), [("401", "token"), ("402", "credit")])
def test_a_bad_token_or_an_empty_purse_loses_no_job(
    services, submit, fault, attempts_of, read_job, creates, eventually, name, reason
):
    job_id = submit()
    fault(name)
    services.submitter.submit(job_id)

    held = read_job(job_id)
    assert (held.status, held.waiting_reason) == ("queued", reason)
    assert [attempt.outcome for attempt in attempts_of(job_id)] == ["held"]
    assert services.creates.take().reason == reason

    fault(name, 0)
    services.creates.succeeded()
    services.submitter.submit(job_id)
    assert creates() == 1


def test_a_throttled_job_waits_as_long_as_it_was_told(
    services, submit, fault, attempts_of, read_job, database
):
    job_id = submit()
    fault("429")

    services.submitter.submit(job_id)

    job = read_job(job_id)
    assert (job.status, job.waiting_reason) == ("queued", "pace")
    assert job.next_attempt_at > job.updated_at
    assert [attempt.outcome for attempt in attempts_of(job_id)] == ["throttled"]
    assert services.creates.take().granted == 0


def test_a_request_that_replicate_rejects_fails_the_job(services, submit, read_job, attempts_of):
    job_id = submit("meta/meta-llama-3-8b-instruct", input={"max_tokens": 5})

    services.submitter.submit(job_id)

    assert read_job(job_id).status == "failed"
    assert read_job(job_id).error["code"] == "invalid_input"
    assert [attempt.outcome for attempt in attempts_of(job_id)] == ["rejected"]


def test_a_model_that_does_not_exist_fails_the_job_without_an_attempt(
    services, submit, read_job, attempts_of
):
    job_id = submit("nobody/nothing")

    services.submitter.submit(job_id)

    assert read_job(job_id).error["code"] == "rejected"
    assert attempts_of(job_id) == []


def test_nothing_sent_is_tried_again_after_a_while(environ, submit, read_job, attempts_of):
    nobody = {**environ, "REPLICATE_BASE_URL": "http://127.0.0.1:9"}
    alone = Services(load_settings(nobody), connections=2)
    job_id = submit(version="a" * 64)

    alone.submitter.submit(job_id)
    alone.close()

    job = read_job(job_id)
    assert (job.status, job.waiting_reason) == ("queued", "upstream")
    assert job.next_attempt_at > job.updated_at
    assert [attempt.outcome for attempt in attempts_of(job_id)] == ["not_sent"]


def test_a_worker_whose_lease_ran_out_does_not_post(services, submit, attempts_of, creates):
    job_id = submit()
    submitter = replace(services.submitter, leases=_Sleepy(services.leases))

    submitter.submit(job_id)

    assert creates() == 0
    assert [attempt.outcome for attempt in attempts_of(job_id)] == ["not_sent"]


def test_a_job_to_be_cancelled_is_not_submitted(services, submit, database, creates):
    job_id = submit()
    with database.begin() as session:
        session.execute(update(Job).where(Job.id == job_id).values(cancel_requested_at=func.now()))

    services.submitter.submit(job_id)

    assert creates() == 0


def test_an_attempt_that_is_open_is_nobody_elses_to_repeat(
    services, submit, database, creates, read_job
):
    job_id = submit()
    with database.begin() as session:
        session.add(Attempt(id=uuid.uuid4(), job_id=job_id, number=1))
        session.flush()
        session.execute(update(Job).where(Job.id == job_id).values(status="submitting"))

    services.submitter.submit(job_id)

    assert creates() == 0
    assert read_job(job_id).status == "submitting"


class _Sleepy:
    """A keeper in whose hands every lease has run out."""

    def __init__(self, keeper):
        self._keeper = keeper

    def keep(self, lease, *, at_most):
        lease.held_until = 0
        return self._keeper.keep(lease, at_most=at_most)
