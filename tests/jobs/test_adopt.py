"""Adoption: an unknown create is found, or proven never to have been; nothing is paid twice."""

from datetime import timedelta

import pytest
from sqlalchemy import func, update

from fixative.errors import ReplicateError
from fixative.jobs.adopt import adopt_unknown
from fixative.jobs.ingest import ingest
from fixative.postgres.tables import Attempt, Job
from fixative.replicate.prediction import read_prediction
from fixative.settings import load_settings
from worker.services import Services


@pytest.fixture
def unknown(services, submit, emulator):
    """A job whose only create met this fault."""

    def make(fault, **request):
        services.submitter.models.target_of("black-forest-labs/flux-schnell", None, None)
        emulator.post("/_emulator/config", json={"faults": {fault: 1}}).raise_for_status()
        job_id = submit(**request)
        services.submitter.submit(job_id)
        emulator.post("/_emulator/config", json={"faults": {fault: 0}}).raise_for_status()
        return job_id

    return make


@pytest.fixture
def let_pass(database):
    """Make it so long ago."""

    def passed(**time):
        ago = timedelta(**time)
        with database.begin() as session:
            session.execute(
                update(Attempt).values(
                    created_at=Attempt.created_at - ago,
                    ended_at=Attempt.ended_at - ago,
                    listed_at=Attempt.listed_at - ago,
                )
            )
            session.execute(update(Job).values(lease_until=Job.lease_until - ago))

    return passed


@pytest.mark.parametrize("fault", ["create_then_500", "create_then_reset"])
def test_a_prediction_made_behind_an_error_is_adopted(
    services, database, unknown, attempts_of, read_job, fault
):
    job_id = unknown(fault)

    adopt_unknown(database, services.replicate)

    attempt = attempts_of(job_id)[0]
    assert attempt.outcome == "created"
    assert attempt.prediction_id is not None
    assert read_job(job_id).status != "submitting"


def test_a_prediction_is_adopted_by_the_webhook_that_names_its_attempt(
    environ, submit, emulator, attempts_of
):
    called = {**environ, "FIXATIVE_PUBLIC_URL": "http://127.0.0.1:9"}
    services = Services(load_settings(called), connections=2)
    emulator.post("/_emulator/config", json={"faults": {"create_then_500": 1}})
    jobs = [submit(), submit()]
    for job_id in jobs:
        services.submitter.submit(job_id)

    adopt_unknown(services.database, services.replicate)

    for job_id in jobs:
        attempt = attempts_of(job_id)[0]
        assert f"attempt={attempt.id}" in attempt.prediction["webhook"]
    services.close()


def test_identical_jobs_take_one_prediction_each(services, database, unknown, attempts_of):
    jobs = [unknown("create_then_500"), unknown("create_then_500")]

    adopt_unknown(database, services.replicate)

    adopted = {attempts_of(job_id)[0].prediction_id for job_id in jobs}
    assert len(adopted - {None}) == 2


def test_a_prediction_with_another_input_is_not_adopted(
    services, database, unknown, attempts_of, emulator
):
    job_id = unknown("500")
    emulator.post(
        "/v1/models/black-forest-labs/flux-schnell/predictions",
        json={"input": {"prompt": "somebody else's cat"}},
        headers={"Authorization": "Bearer r8_test"},
    ).raise_for_status()

    adopt_unknown(database, services.replicate)

    assert attempts_of(job_id)[0].outcome == "unknown"


def test_absence_needs_two_listings_and_two_minutes(
    services, database, unknown, attempts_of, read_job, let_pass, emulator
):
    job_id = unknown("500")

    let_pass(seconds=115)
    adopt_unknown(database, services.replicate)
    assert attempts_of(job_id)[0].listed_at is not None
    assert read_job(job_id).status == "submitting"

    let_pass(seconds=15)
    adopt_unknown(database, services.replicate)
    assert attempts_of(job_id)[0].outcome == "absent"
    assert read_job(job_id).status == "queued"

    services.submitter.submit(job_id)
    assert [attempt.outcome for attempt in attempts_of(job_id)] == ["absent", "created"]
    assert emulator.get("/_emulator/stats").json()["creates"]["total"] == 1


def test_one_late_listing_alone_proves_nothing(services, database, unknown, attempts_of, let_pass):
    job_id = unknown("500")
    let_pass(minutes=10)

    adopt_unknown(database, services.replicate)

    assert attempts_of(job_id)[0].outcome == "unknown"


def test_an_error_on_a_page_voids_the_listing(services, database, unknown, attempts_of, emulator):
    job_id = unknown("500")
    emulator.post("/_emulator/config", json={"faults": {"read_500": 1}})

    with pytest.raises(ReplicateError):
        adopt_unknown(database, services.replicate)

    assert attempts_of(job_id)[0].listed_at is None


def test_a_page_that_is_throttled_is_waited_for_and_voids_nothing(
    services, database, unknown, attempts_of, emulator
):
    job_id = unknown("500")
    services.replicate.account()
    emulator.post("/_emulator/config", json={"reads_per_minute": 15})
    for _ in range(6):  # more than the burst
        emulator.get("/v1/account", headers={"Authorization": "Bearer r8_test"})

    adopt_unknown(database, services.replicate)

    assert attempts_of(job_id)[0].listed_at is not None
    requests = emulator.get("/_emulator/stats").json()["requests"]
    assert requests["GET /v1/predictions 429"] > 0


def test_an_attempt_of_a_dead_worker_is_settled_once_its_lease_ran_out(
    services, database, submit, attempts_of, read_job, let_pass
):
    job_id = submit()
    with database.begin() as session:
        session.add(Attempt(id=job_id, job_id=job_id, number=1))
        session.flush()
        session.execute(
            update(Job).values(
                status="submitting",
                attempt_id=job_id,
                lease_until=func.now() + timedelta(seconds=30),
            )
        )

    adopt_unknown(database, services.replicate)
    assert attempts_of(job_id)[0].outcome == "open"

    let_pass(seconds=60)
    adopt_unknown(database, services.replicate)
    assert attempts_of(job_id)[0].outcome == "unknown"

    let_pass(seconds=150)
    adopt_unknown(database, services.replicate)
    assert attempts_of(job_id)[0].outcome == "absent"
    assert read_job(job_id).status == "queued"


def test_a_prediction_that_turns_up_after_its_absence_was_proven_is_not_made_again(
    services, database, unknown, attempts_of, read_job, let_pass, emulator
):
    job_id = unknown("500")
    for _ in range(2):
        let_pass(minutes=3)
        adopt_unknown(database, services.replicate)
    attempt = attempts_of(job_id)[0]
    assert (attempt.outcome, read_job(job_id).status) == ("absent", "queued")

    names = f"https://us.example/webhook?job={job_id}&attempt={attempt.id}"
    created_at = attempt.created_at.isoformat()
    late = {"id": "late", "status": "processing", "created_at": created_at, "webhook": names}
    with database.begin() as session:
        ingest(session, read_prediction(late), cause="webhook")
    services.submitter.submit(job_id)

    assert read_job(job_id).status == "processing"
    assert [a.prediction_id for a in attempts_of(job_id)] == ["late"]
    assert emulator.get("/_emulator/stats").json()["creates"]["total"] == 0
