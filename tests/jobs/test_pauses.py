"""Pauses: held is held, in admission and before the POST, and goes on when it is lifted."""

import pytest
from sqlalchemy import select

from fixative.access.owners import ensure_owner
from fixative.errors import NotFound
from fixative.jobs.pauses import RESTORED, list_pauses, pause, resume
from fixative.postgres.operation_tables import Pause
from fixative.replicate.pace import Pace

FLUX, SDXL = "black-forest-labs/flux-schnell", "stability-ai/sdxl"


@pytest.fixture
def hold(database):
    """Pause in a transaction of its own."""

    def held(**what):
        with database.begin() as session:
            return pause(session, **what)

    return held


@pytest.fixture
def lift(database):
    """Resume in a transaction of its own."""

    def lifted(**what):
        with database.begin() as session:
            return resume(session, **what)

    return lifted


@pytest.fixture
def scopes(database):
    def read():
        with database.begin() as session:
            return [held.scope for held in list_pauses(session)]

    return read


@pytest.fixture
def pace(services):
    return Pace(services.shared, "plenty", 60000)


def test_a_paused_job_is_neither_admitted_nor_submitted_and_says_why(
    services, submit, hold, admit, pace, read_job, attempts_of
):
    job_id = submit()
    hold()

    assert admit(pace) == ([], False)
    assert services.submitter.submit(job_id) == []

    assert (read_job(job_id).status, read_job(job_id).waiting_reason) == ("queued", "paused")
    assert attempts_of(job_id) == []


def test_what_is_resumed_goes_on(services, submit, hold, lift, admit, pace, attempts_of):
    job_id = submit()
    hold()
    admit(pace)

    assert lift() == 1
    [hint], _ = admit(pace)
    services.submitter.submit(job_id)

    assert hint.arguments == {"job_id": str(job_id)}
    assert [attempt.outcome for attempt in attempts_of(job_id)] == ["created"]


def test_a_job_already_admitted_is_held_before_its_post(
    services, submit, hold, lift, admit, pace, read_job, attempts_of
):
    job_id = submit()
    admit(pace)
    hold()

    services.submitter.submit(job_id)
    admit(pace)

    assert (read_job(job_id).status, read_job(job_id).waiting_reason) == ("submitting", "paused")
    assert attempts_of(job_id) == []

    lift()
    services.submitter.submit(job_id)

    assert [attempt.outcome for attempt in attempts_of(job_id)] == ["created"]
    assert read_job(job_id).waiting_reason is None


def test_a_job_that_may_be_paid_already_is_not_said_to_be_paused(
    services, submit, hold, admit, pace, emulator, read_job, attempts_of
):
    services.submitter.models.target_of(FLUX, None, None)
    services.replicate.account()
    emulator.post("/_emulator/config", json={"faults": {"500": 1}}).raise_for_status()
    job_id = submit()
    services.submitter.submit(job_id)
    hold()

    admit(pace)

    assert [attempt.outcome for attempt in attempts_of(job_id)] == ["unknown"]
    assert (read_job(job_id).status, read_job(job_id).waiting_reason) == ("submitting", None)


@pytest.mark.parametrize(
    ("what", "held"),
    [
        ({"model": FLUX}, {(FLUX, "tests"), (FLUX, "other")}),
        ({"owner": "tests"}, {(FLUX, "tests"), (SDXL, "tests")}),
        ({"model": FLUX, "owner": "tests"}, {(FLUX, "tests")}),
    ],
)
def test_a_pause_holds_what_it_names_and_nothing_else(
    database, owner_id, submit, hold, admit, pace, read_job, what, held
):
    with database.begin() as session:
        owners = {"tests": owner_id, "other": ensure_owner(session, "other").id}
    jobs = {
        (model, name): submit(model, owner=owner)
        for model in (FLUX, SDXL)
        for name, owner in owners.items()
    }
    hold(**what)

    admit(pace)

    waiting = {which for which, job_id in jobs.items() if read_job(job_id).status == "queued"}
    assert waiting == held


def test_each_pause_has_its_scope_and_twice_is_one(owner_id, hold, scopes):
    first = hold()
    for _ in range(2):
        hold(model="a/b")
        hold(owner="tests")
        hold(model="a/b", owner="tests")

    assert hold() == first
    assert scopes() == ["all", "model:a/b", "owner:tests", "model:a/b owner:tests"]


def test_resuming_lifts_what_the_same_words_paused(owner_id, hold, lift, scopes):
    hold()
    hold(model="a/b")
    hold(model="a/b", owner="tests")

    assert (lift(model="a/b"), lift(model="a/b"), lift(owner="tests")) == (1, 0, 0)
    assert scopes() == ["all", "model:a/b owner:tests"]


def test_the_pause_of_a_restored_database_is_not_an_operators_to_lift(database, lift, scopes):
    with database.begin() as session:
        session.add(Pause(scope=RESTORED))

    assert lift() == 0
    assert scopes() == [RESTORED]


def test_an_owner_that_is_not_known_cannot_be_paused(database, hold, lift):
    for change in (hold, lift):
        with pytest.raises(NotFound):
            change(owner="nobody")
    with database.begin() as session:
        assert session.scalars(select(Pause)).all() == []


def test_a_paused_model_is_held_when_it_is_asked_for_by_its_version_too(
    submit, hold, admit, pace, read_job
):
    jobs = {
        version: submit(None, version=version)
        for version in (f"{SDXL}:{'a' * 64}", f"{SDXL}-next:{'a' * 64}", "a" * 64)
    }
    hold(model=SDXL)

    admit(pace)

    waiting = [which for which, job_id in jobs.items() if read_job(job_id).status == "queued"]
    assert waiting == [f"{SDXL}:{'a' * 64}"]
