"""Predictions that turn up when another attempt has their place: cancelled, recorded, alarmed."""

import uuid
from datetime import timedelta

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import select, update

from fixative.jobs.adopt import adopt_unknown
from fixative.jobs.cancel import cancel_prediction, request_cancel
from fixative.jobs.ingest import ingest
from fixative.jobs.store import get_job
from fixative.names import CANCEL_PREDICTION
from fixative.postgres.tables import Attempt, Job
from fixative.recovery.sweep import sweep
from fixative.replicate.prediction import read_prediction


@pytest.fixture
def absent(services, database, submit, emulator, attempts_of):
    """A job whose only attempt was proven absent, and that attempt."""

    def make():
        services.submitter.models.target_of("black-forest-labs/flux-schnell", None, None)
        emulator.post("/_emulator/config", json={"faults": {"500": 1}}).raise_for_status()
        job_id = submit()
        services.submitter.submit(job_id)
        emulator.post("/_emulator/config", json={"faults": {"500": 0}}).raise_for_status()
        for _ in range(2):
            ago = timedelta(minutes=3)
            earlier = {
                "created_at": Attempt.created_at - ago,
                "ended_at": Attempt.ended_at - ago,
                "listed_at": Attempt.listed_at - ago,
            }
            with database.begin() as session:
                session.execute(update(Attempt).where(Attempt.job_id == job_id).values(earlier))
            adopt_unknown(database, services.replicate)
        [attempt] = attempts_of(job_id)
        assert attempt.outcome == "absent"
        return job_id, attempt

    return make


@pytest.fixture
def late(emulator):
    """The prediction of an attempt, created at Replicate after all; it runs for a minute."""

    def create(job_id, attempt):
        webhook = f"https://us.example/webhook?job={job_id}&attempt={attempt.id}"
        made = emulator.post(
            "/v1/models/black-forest-labs/flux-schnell/predictions",
            json={"input": {"prompt": "a cat", "_seconds": 60}, "webhook": webhook},
            headers={"Authorization": "Bearer r8_test"},
        )
        raw = made.raise_for_status().json()
        return raw | {"created_at": attempt.created_at.isoformat(), "webhook": webhook}

    return create


@pytest.fixture
def told(database):
    """Ingest a prediction as a webhook brings it; the result."""

    def tell(raw):
        with database.begin() as session:
            return ingest(session, read_prediction(raw), cause="webhook")

    return tell


def alarms():
    return REGISTRY.get_sample_value("fixative_alarms_total", {"alarm": "paid_twice"}) or 0


def test_what_turns_up_beside_a_later_attempt_is_cancelled_and_alarmed_once(
    services, database, absent, late, told, attempts_of, emulator, read_job
):
    job_id, attempt = absent()
    services.submitter.submit(job_id)
    raw, before = late(job_id, attempt), alarms()

    ingested = told(raw)
    told(raw)

    assert ingested.result == "duplicate"
    assert [hint.task for hint in ingested.hints] == [CANCEL_PREDICTION]
    assert [a.outcome for a in attempts_of(job_id)] == ["duplicate", "created"]
    assert alarms() == before + 1

    cancel_prediction(database, services.replicate, job_id)
    assert emulator.get("/_emulator/stats").json()["creates"]["by_status"]["canceled"] == 1
    assert attempts_of(job_id)[0].prediction_status == "canceled"
    assert read_job(job_id).status in {"starting", "processing"}
    assert read_job(job_id).attempt_id == attempts_of(job_id)[1].id


def test_a_duplicate_whose_hint_was_lost_is_cancelled_by_the_sweep(
    services, database, absent, late, told
):
    job_id, attempt = absent()
    services.submitter.submit(job_id)
    told(late(job_id, attempt))
    with database.begin() as session:
        session.execute(update(Job).values(hinted_at=Job.hinted_at - timedelta(minutes=1)))

    hints = [hint for hint in sweep(database, {}) if hint.task == CANCEL_PREDICTION]

    assert [hint.arguments for hint in hints] == [{"job_id": str(job_id)}]


def test_while_nothing_else_was_sent_what_turns_up_is_taken(
    services, database, absent, late, told, read_job, attempts_of, emulator
):
    job_id, attempt = absent()

    assert told(late(job_id, attempt)).result == "moved"
    services.submitter.submit(job_id)

    assert read_job(job_id).attempt_id == attempt.id
    assert [a.outcome for a in attempts_of(job_id)] == ["created"]
    assert emulator.get("/_emulator/stats").json()["creates"]["total"] == 1


def test_what_turns_up_after_the_job_was_canceled_is_cancelled_too(
    services, database, absent, late, told, read_job, attempts_of
):
    job_id, attempt = absent()
    with database.begin() as session:
        request_cancel(session, get_job(session, job_id))

    assert told(late(job_id, attempt)).result == "duplicate"
    cancel_prediction(database, services.replicate, job_id)

    assert read_job(job_id).status == "canceled"
    assert attempts_of(job_id)[0].prediction_status == "canceled"


def test_a_second_prediction_of_one_post_is_a_duplicate_with_an_attempt_of_its_own(
    services, submit, late, told, attempts_of, read_job
):
    job_id = submit()
    services.submitter.submit(job_id)
    [attempt] = attempts_of(job_id)
    raw = late(job_id, attempt)

    assert told(raw).result == "duplicate"
    assert told(raw).result == "duplicate"

    assert [a.outcome for a in attempts_of(job_id)] == ["created", "duplicate"]
    assert read_job(job_id).attempt_id == attempt.id


def test_an_attempt_that_a_restore_lost_is_made_anew_from_the_webhook_that_names_it(
    services, database, submit, attempts_of, read_job, told, emulator
):
    job_id = submit()
    lost = uuid.uuid4()
    webhook = f"https://us.example/webhook?job={job_id}&attempt={lost}"
    made = emulator.post(
        "/v1/models/black-forest-labs/flux-schnell/predictions",
        json={"input": {"prompt": "a cat"}, "webhook": webhook},
        headers={"Authorization": "Bearer r8_test"},
    ).json() | {"webhook": webhook}

    assert told(made).result == "moved"
    services.submitter.submit(job_id)

    assert [(a.id, a.outcome, a.number) for a in attempts_of(job_id)] == [(lost, "created", 1)]
    assert read_job(job_id).attempt_id == lost
    assert emulator.get("/_emulator/stats").json()["creates"]["total"] == 1


def test_a_prediction_of_another_model_does_not_make_a_lost_attempt(
    database, submit, attempts_of, told, emulator
):
    job_id = submit()
    webhook = f"https://us.example/webhook?job={job_id}&attempt={uuid.uuid4()}"
    made = emulator.post(
        "/v1/models/emulator/echo/predictions",
        json={"input": {"prompt": "a cat"}},
        headers={"Authorization": "Bearer r8_test"},
    ).json() | {"webhook": webhook}

    assert told(made).result == "stranger"
    assert attempts_of(job_id) == []


def test_an_attempt_whose_place_was_taken_adopts_nothing_that_only_looks_alike(
    services, database, absent, late, told, attempts_of, emulator
):
    """It would be cancelled as a duplicate, and may well be somebody else's."""
    job_id, attempt = absent()
    told(late(job_id, attempt))
    with database.begin() as session:
        session.add(
            Attempt(
                id=uuid.uuid4(),
                job_id=job_id,
                number=2,
                outcome="unknown",
                ended_at=select(Attempt.ended_at).where(Attempt.id == attempt.id).scalar_subquery(),
            )
        )
    emulator.post(
        "/v1/models/black-forest-labs/flux-schnell/predictions",
        json={"input": {"prompt": "a cat"}},
        headers={"Authorization": "Bearer r8_test"},
    ).raise_for_status()

    adopt_unknown(database, services.replicate)

    assert [a.prediction_id is None for a in attempts_of(job_id)] == [False, True]
