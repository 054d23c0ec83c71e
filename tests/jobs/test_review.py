"""What cannot be settled by itself waits for a person, with what it might be."""

from datetime import timedelta

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import func, update

from fixative.errors import Conflict, NotFound, Refused, ReplicateError
from fixative.jobs.adopt import adopt_unknown
from fixative.jobs.settle import settle_absent, settle_created
from fixative.postgres.tables import Attempt


@pytest.fixture
def unclear(services, database, submit, emulator):
    """A job whose create met a 500, this many minutes ago."""

    def make(fault="500", minutes=16):
        services.submitter.models.target_of("black-forest-labs/flux-schnell", None, None)
        services.replicate.account()
        emulator.post("/_emulator/config", json={"faults": {fault: 1}}).raise_for_status()
        job_id = submit()
        services.submitter.submit(job_id)
        emulator.post("/_emulator/config", json={"faults": {fault: 0}}).raise_for_status()
        ago = func.now() - timedelta(minutes=minutes)
        with database.begin() as session:
            session.execute(update(Attempt).values(created_at=ago, ended_at=ago))
        return job_id

    return make


@pytest.fixture
def look_alike(emulator):
    """A prediction of the same model that nobody of ours asked for."""

    def make(prompt="somebody else's cat"):
        made = emulator.post(
            "/v1/models/black-forest-labs/flux-schnell/predictions",
            json={"input": {"prompt": prompt}},
            headers={"Authorization": "Bearer r8_test"},
        )
        return made.raise_for_status().json()["id"]

    return make


def alarms():
    sample = REGISTRY.get_sample_value("fixative_alarms_total", {"alarm": "attempts_need_review"})
    return sample or 0


def test_after_a_quarter_of_an_hour_without_a_listing_it_needs_review_and_says_so_once(
    services, database, unclear, emulator, read_job
):
    job_id, before = unclear(), alarms()
    emulator.post("/_emulator/config", json={"faults": {"read_500": 1}})

    for _ in range(2):
        with pytest.raises(ReplicateError):
            adopt_unknown(database, services.replicate)

    assert (read_job(job_id).status, read_job(job_id).waiting_reason) == (
        "submitting",
        "needs_review",
    )
    assert alarms() == before + 1


def test_what_it_might_be_is_kept_for_the_person_who_settles(
    services, database, unclear, look_alike, attempts_of
):
    job_id = unclear(minutes=16)
    other = look_alike()
    with database.begin() as session:
        session.execute(update(Attempt).values(ended_at=func.now() - timedelta(minutes=16)))
        session.execute(
            update(Attempt).values(ended_at=None, created_at=func.now() - timedelta(minutes=16))
        )

    adopt_unknown(database, services.replicate)

    [candidate] = attempts_of(job_id)[0].candidates
    assert (candidate["id"], candidate["same_input"]) == (other, False)


def test_it_still_settles_by_itself_when_the_list_can_be_read_again(
    services, database, unclear, attempts_of, read_job
):
    job_id = unclear()
    adopt_unknown(database, services.replicate)
    with database.begin() as session:
        session.execute(update(Attempt).values(listed_at=func.now() - timedelta(minutes=1)))

    adopt_unknown(database, services.replicate)

    assert attempts_of(job_id)[0].outcome == "absent"
    assert (read_job(job_id).status, read_job(job_id).waiting_reason) == ("queued", None)


def test_settled_by_hand_as_created_the_job_goes_on_with_that_prediction(
    services, database, unclear, look_alike, attempts_of, read_job
):
    job_id, prediction = unclear(), look_alike()

    settle_created(database, services.replicate, job_id, prediction)

    [attempt] = attempts_of(job_id)
    assert (attempt.outcome, attempt.prediction_id) == ("created", prediction)
    assert read_job(job_id).status != "submitting"


def test_settled_by_hand_as_absent_the_job_is_submitted_again(
    services, database, unclear, attempts_of, emulator
):
    job_id = unclear()

    [hint] = settle_absent(database, job_id)
    services.submitter.submit(job_id)

    assert hint.arguments == {"job_id": str(job_id)}
    assert [a.outcome for a in attempts_of(job_id)] == ["absent", "created"]
    assert emulator.get("/_emulator/stats").json()["creates"]["total"] == 1


def test_what_is_clear_cannot_be_settled(services, database, submit, attempts_of):
    job_id = submit()
    services.submitter.submit(job_id)

    with pytest.raises(Conflict):
        settle_absent(database, job_id)
    with pytest.raises(Conflict):
        settle_created(database, services.replicate, job_id, "p1")
    assert [a.outcome for a in attempts_of(job_id)] == ["created"]


def test_a_prediction_of_another_job_or_of_nobody_settles_nothing(
    services, database, submit, unclear, attempts_of
):
    taken = submit(input={"prompt": "a dog"})
    services.submitter.submit(taken)
    prediction = attempts_of(taken)[0].prediction_id
    job_id = unclear()

    with pytest.raises(Conflict):
        settle_created(database, services.replicate, job_id, prediction)
    with pytest.raises(Refused):
        settle_created(database, services.replicate, job_id, "nosuchprediction")
    assert [a.outcome for a in attempts_of(job_id)] == ["unknown"]


def test_an_unknown_job_cannot_be_settled(database, owner_id):
    with pytest.raises(NotFound):
        settle_absent(database, owner_id)


def test_the_list_of_another_account_proves_nothing(services, database, unclear, attempts_of):
    job_id = unclear(minutes=5)
    with database.begin() as session:
        long_ago = func.now() - timedelta(minutes=4)
        session.execute(update(Attempt).values(account="somebody-else", listed_at=long_ago))

    adopt_unknown(database, services.replicate)

    assert attempts_of(job_id)[0].outcome == "unknown"


def test_a_prediction_that_names_another_job_is_not_settled_as_this_ones(
    services, database, unclear, attempts_of, emulator
):
    job_id, other_id = unclear(), unclear()
    [other] = attempts_of(other_id)
    made = emulator.post(
        "/v1/models/black-forest-labs/flux-schnell/predictions",
        json={
            "input": {"prompt": "a cat"},
            "webhook": f"http://127.0.0.1:1/webhook/replicate?job={other_id}&attempt={other.id}",
        },
        headers={"Authorization": "Bearer r8_test"},
    )
    prediction = made.raise_for_status().json()["id"]

    with pytest.raises(Conflict):
        settle_created(database, services.replicate, job_id, prediction)
    settle_created(database, services.replicate, other_id, prediction)

    assert attempts_of(job_id)[0].outcome == "unknown"
    assert attempts_of(other_id)[0].prediction_id == prediction
