"""An operator holds, looks, and settles."""

import uuid

import pytest
from pydantic import SecretStr
from redis import Redis
from sqlalchemy import delete, select, update

from api.answer_schemas import Job as JobAnswer
from api.answer_schemas_operation import PauseItem, State
from fixative.access.owners import ensure_owner
from fixative.jobs.pauses import RESTORED
from fixative.names import CREATE_PREDICTION, QUEUES, SWEEP, Hint
from fixative.postgres.operation_tables import Pause, WorkerProcess
from fixative.postgres.tables import Attempt, Job
from fixative.replicate.client import Replicate
from fixative.replicate.pace import FAILURES_TO_OPEN, pace_of
from fixative.replicate.throttling import LearnedPace
from fixative.shared import Shared
from worker.publisher import Publisher

CANDIDATE = {
    "id": "p1",
    "status": "succeeded",
    "created_at": "2026-01-02T03:04:05+00:00",
    "model": "emu/image",
    "version": None,
    "names_this_attempt": False,
    "same_input": True,
}


@pytest.fixture(autouse=True)
def _nothing_held(database):
    yield
    with database.begin() as session:
        session.execute(delete(Pause))
        session.execute(delete(WorkerProcess))


@pytest.fixture
def unclear(database, submit):
    """A job in review, of whose create nobody saw the end."""

    def make():
        job_id, attempt_id = submit(), uuid.uuid4()
        with database.begin() as session:
            session.add(
                Attempt(
                    id=attempt_id,
                    job_id=job_id,
                    number=1,
                    outcome="unknown",
                    candidates=[CANDIDATE],
                )
            )
            session.flush()
            in_review = {
                "status": "submitting",
                "attempt_id": attempt_id,
                "waiting_reason": "needs_review",
            }
            session.execute(update(Job).where(Job.id == job_id).values(in_review))
        return job_id

    return make


@pytest.fixture
def operator_of(new_app, settings):
    """An operator's client of an API with some parts replaced."""

    def make(**replaced):
        client = new_app(**replaced).test_client()
        client.environ_base["HTTP_X_API_KEY"] = settings.fixative_admin_key.get_secret_value()
        return client

    return make


@pytest.fixture
def real_publisher(environ, monkeypatch):
    """A publisher as a process has it, which reads Celery's settings from the environment."""
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    return Publisher


@pytest.fixture
def asking_replicate(operator_of, local_replicate, emulator):
    """An operator's client of an API that reaches the local Replicate."""
    assert emulator.base_url == local_replicate
    replicate = Replicate(local_replicate, SecretStr("r8_test"))
    yield operator_of(replicate=replicate)
    replicate.close()


@pytest.fixture
def made(emulator):
    """A prediction at the local Replicate."""
    answer = emulator.post(
        "/v1/models/black-forest-labs/flux-schnell/predictions",
        json={"input": {"prompt": "a cat"}},
        headers={"Authorization": "Bearer r8_test"},
    )
    return answer.raise_for_status().json()["id"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/admin/pause"),
        ("DELETE", "/admin/pause"),
        ("GET", "/admin/state"),
        ("POST", "/admin/sweep"),
        ("POST", f"/jobs/{uuid.UUID(int=1)}/settle"),
    ],
)
def test_only_an_administrator_operates(api, refused, method, path):
    refused(api.open(path, method=method, json={}), 403)


def test_a_pause_is_answered_whole_and_can_be_lifted_once(database, admin):
    with database.begin() as session:
        ensure_owner(session, "gallery")
    scope = {"model": "emu/image", "owner": "gallery"}

    answer = admin.post("/admin/pause", json=scope)
    again = admin.post("/admin/pause", json=scope)

    held = PauseItem.model_validate_json(answer.data)
    assert (answer.status_code, held.scope) == (200, "model:emu/image owner:gallery")
    assert (held.model, held.owner) == ("emu/image", "gallery")
    assert again.json == answer.json
    lifted = [admin.delete("/admin/pause", query_string=scope).json for _ in range(2)]
    assert lifted == [{"resumed": 1}, {"resumed": 0}]


def test_without_a_name_all_is_held(admin):
    assert admin.post("/admin/pause", json={}).json["scope"] == "all"
    assert admin.delete("/admin/pause").json == {"resumed": 1}


def test_an_owner_that_is_not_known_is_404_and_a_field_that_is_not_422(admin, refused):
    refused(admin.post("/admin/pause", json={"owner": "nobody"}), 404)
    refused(admin.delete("/admin/pause?owner=nobody"), 404)
    for answer in (
        admin.post("/admin/pause", json={"modle": "a/b"}),
        admin.delete("/admin/pause?modle=a/b"),
    ):
        assert refused(answer, 422).errors[0].loc == ["modle"]


def test_the_state_tells_pace_breaker_queues_workers_pauses_and_reviews(
    database, settings, operator_of, real_publisher, admin, unclear
):
    with Redis.from_url(settings.redis_url.get_secret_value()) as redis:
        creates = pace_of(Shared(redis), settings, "creates")
        creates.throttled(0, LearnedPace(6, 1))
        for _ in range(FAILURES_TO_OPEN):
            creates.failed()
    with database.begin() as session:
        session.add(WorkerProcess(name="io@here", pid=7))
        session.add(Pause(scope=RESTORED))
    admin.post("/admin/pause", json={"model": "emu/image"})
    unclear()

    answer = operator_of(publisher=real_publisher(settings)).get("/admin/state")

    state = State.model_validate_json(answer.data)
    assert (state.pace.creates.per_minute, state.pace.creates.learned_per_minute) == (600, 6)
    assert (state.pace.reads.per_minute, state.pace.reads.learned_per_minute) == (3000, None)
    assert (state.breaker.closed_reason, state.breaker.failures) == ("breaker", FAILURES_TO_OPEN)
    assert state.queues == dict.fromkeys(QUEUES, 0)
    assert [(worker.name, worker.pid) for worker in state.workers] == [("io@here", 7)]
    assert [held.scope for held in state.pauses] == [RESTORED, "model:emu/image"]
    assert state.needs_review == 1


def test_what_workers_died_of_waits_for_a_person_too(
    database, settings, operator_of, real_publisher, submit
):
    job_id = submit()
    with database.begin() as session:
        stopped = {"status": "storing", "waiting_reason": "needs_review", "crashes": 10}
        session.execute(update(Job).where(Job.id == job_id).values(stopped))

    answer = operator_of(publisher=real_publisher(settings)).get("/admin/state")

    assert answer.json["needs_review"] == 1


def test_while_redis_is_away_the_state_tells_what_postgres_knows(
    settings, operator_of, real_publisher
):
    elsewhere = settings.model_copy(
        update={"redis_url": type(settings.redis_url)("redis://127.0.0.1:1")}
    )
    client = operator_of(publisher=real_publisher(elsewhere), redis=Redis(port=1))

    state = State.model_validate_json(client.get("/admin/state").data)

    assert (state.pace.creates, state.pace.reads) == (None, None)
    assert (state.breaker, state.queues) == (None, None)
    assert (state.workers, state.pauses, state.needs_review) == ([], [], 0)


def test_a_sweep_is_hinted(admin, publisher):
    answer = admin.post("/admin/sweep")

    assert (answer.status_code, answer.json) == (202, {"hinted": True})
    assert publisher.hints == [Hint(SWEEP)]


def test_a_job_in_review_shows_what_it_may_be_and_others_show_none(api, unclear):
    job_id = unclear()

    shown = JobAnswer.model_validate_json(api.get(f"/jobs/{job_id}").data)

    assert shown.waiting.reason == "needs_review"
    assert [candidate.id for candidate in shown.waiting.candidates] == ["p1"]
    [listed] = api.get("/jobs").json["items"]
    assert listed["waiting"]["candidates"] is None


def test_settled_as_absent_the_job_is_queued_and_hinted(admin, unclear, publisher):
    job_id = unclear()
    publisher.hints.clear()

    answer = admin.post(f"/jobs/{job_id}/settle", json={"absent": True})

    job = JobAnswer.model_validate_json(answer.data)
    assert (answer.status_code, job.status, job.waiting) == (200, "queued", None)
    assert publisher.hints == [Hint(CREATE_PREDICTION, {"job_id": str(job_id)})]


def test_settled_with_a_prediction_the_job_goes_on_with_it(
    asking_replicate, unclear, made, database
):
    job_id = unclear()

    answer = asking_replicate.post(f"/jobs/{job_id}/settle", json={"prediction": made})

    job = JobAnswer.model_validate_json(answer.data)
    assert (answer.status_code, job.prediction.id) == (200, made)
    with database.begin() as session:
        [attempt] = session.scalars(select(Attempt).where(Attempt.job_id == job_id))
    assert (attempt.outcome, attempt.prediction_id) == ("created", made)


def test_a_prediction_that_replicate_does_not_know_is_422_and_settles_nothing(
    asking_replicate, api, unclear, refused
):
    job_id = unclear()

    answer = asking_replicate.post(f"/jobs/{job_id}/settle", json={"prediction": "nosuch"})

    assert refused(answer, 422).errors[0].loc == ["prediction"]
    assert api.get(f"/jobs/{job_id}").json["waiting"]["reason"] == "needs_review"


def test_while_replicate_is_away_settling_is_503(admin, unclear, refused):
    answer = admin.post(f"/jobs/{unclear()}/settle", json={"prediction": "p1"})

    refused(answer, 503)
    assert answer.headers["Retry-After"]


def test_what_is_clear_or_unknown_cannot_be_settled(admin, submit, refused):
    refused(admin.post(f"/jobs/{submit()}/settle", json={"absent": True}), 409)
    refused(admin.post(f"/jobs/{uuid.uuid4()}/settle", json={"absent": True}), 404)
    refused(admin.post("/jobs/no-id/settle", json={"absent": True}), 404)


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({}, {"prediction", "absent"}),
        ({"prediction": "p1", "absent": True}, {"prediction", "absent"}),
        ({"absent": False}, {"absent"}),
        ({"prediction": "../account"}, {"prediction"}),
        ({"predicition": "p1"}, {"predicition"}),
    ],
)
def test_a_settlement_that_does_not_say_one_thing_is_422(admin, unclear, refused, body, named):
    problem = refused(admin.post(f"/jobs/{unclear()}/settle", json=body), 422)

    assert {error.loc[0] for error in problem.errors} == named
