"""The result cache: an earlier job answers, where its caller asks for that."""

import uuid

import pytest
from sqlalchemy import select

from api.answer_schemas import Job as JobAnswer
from fixative.jobs.delete import delete_job
from fixative.jobs.store import get_job
from fixative.postgres.tables import Attempt
from tests.catalog.conftest import FLUX

SDXL = "stability-ai/sdxl"
BODY = {"model": FLUX, "input": {"prompt": "a cat", "seed": 7}}


@pytest.fixture
def ask(api):
    def send(body=BODY, **headers):
        return api.post("/jobs", json={**body, "cache": True}, headers=headers)

    return send


def outcome(answer):
    return answer.status_code, answer.headers.get("Fixative-Cache")


@pytest.fixture
def done(api, run):
    """A job that was asked for without the cache, and succeeded."""

    def make(body=BODY):
        answer = api.post("/jobs", json=body)
        assert outcome(answer) == (202, None)
        return run(uuid.UUID(answer.json["id"]))

    return make


def test_the_same_version_input_and_seed_are_answered_with_the_earlier_jobs_media(
    ask, done, all_jobs, emulator
):
    assert outcome(ask({**BODY, "input": {"prompt": "a dog", "seed": 7}})) == (202, "miss")
    first = done()
    creates = emulator.get("/_emulator/stats").json()["creates"]["total"]

    hit = ask({"model": FLUX, "input": dict(reversed(BODY["input"].items()))})

    job = JobAnswer.model_validate_json(hit.data)
    assert (*outcome(hit), job.id, job.cached) == (200, "hit", first, True)
    assert job.media[0].role == "original"
    assert hit.headers["Location"].endswith(f"/jobs/{first}")
    assert len(all_jobs()) == 2
    assert emulator.get("/_emulator/stats").json()["creates"]["total"] == creates


@pytest.mark.parametrize(
    "body",
    [
        {"model": FLUX, "input": {"prompt": "a cat", "seed": 8}},
        {"model": FLUX, "input": {"prompt": "a cat"}},
        {"model": FLUX, "input": {"prompt": "a cat", "seed": 7, "num_outputs": 2}},
        {"model": "minimax/video-01", "input": {"prompt": "a cat", "seed": 7}},
        {"deployment": "local/fast-pictures", "input": {"prompt": "a cat", "seed": 7}},
    ],
    ids=["seed", "no seed", "input", "model", "deployment"],
)
def test_anything_else_is_run(ask, done, body):
    done()

    assert outcome(ask(body)) == (202, "miss")


def test_without_a_seed_nothing_is_answered_from_the_cache(ask, done):
    body = {"model": FLUX, "input": {"prompt": "a cat"}}
    done(body)

    assert outcome(ask(body)) == (202, "miss")


def test_a_job_of_somebody_else_or_unfinished_or_deleted_answers_nobody(
    ask, done, client_of, database, api
):
    api.post("/jobs", json=BODY)
    assert outcome(ask()) == (202, "miss")
    first = done()
    assert outcome(ask()) == (200, "hit")

    other = client_of("others").post("/jobs", json={**BODY, "cache": True})
    assert outcome(other) == (202, "miss")

    with database.begin() as session:
        delete_job(session, get_job(session, first))
        assert get_job(session, first).cache_key is None
    assert outcome(ask()) == (202, "miss")


def test_a_new_version_is_another_model(client_of, run, emulator):
    body = {"model": SDXL, "input": {"prompt": "a cat", "seed": 7}, "cache": True}
    run(uuid.UUID(client_of().post("/jobs", json=body).json["id"]))
    assert outcome(client_of().post("/jobs", json=body)) == (200, "hit")

    emulator.post("/_emulator/config", json={"models": {SDXL: {"release": 2}}})

    assert outcome(client_of().post("/jobs", json=body)) == (202, "miss")


def test_a_job_that_was_sent_to_another_version_than_was_thought_answers_nobody(
    ask, api, run, database, emulator
):
    body = {"model": SDXL, "input": {"prompt": "a cat", "seed": 7}}
    assert outcome(ask(body)) == (202, "miss")  # by now its schema is known for an hour
    emulator.post("/_emulator/config", json={"models": {SDXL: {"release": 2}}})
    job_id = run(uuid.UUID(api.post("/jobs", json=body).json["id"]))

    with database.begin() as session:
        sent = session.scalars(select(Attempt.version).where(Attempt.job_id == job_id)).one()
        assert not get_job(session, job_id).cache_key.startswith(sent)
    assert outcome(ask(body)) == (202, "miss")


def test_a_hit_does_not_use_up_its_idempotency_key_and_a_used_key_stays_its_job(ask, done, api):
    first, key = done(), {"Idempotency-Key": "order 1"}
    assert outcome(ask(BODY, **key)) == (200, "hit")

    another = {"model": FLUX, "input": {"prompt": "a dog", "seed": 7}}
    ordered = api.post("/jobs", json=another, headers=key)
    assert ordered.status_code == 202

    again = ask(another, **key)
    assert outcome(again) == (200, None)
    assert (again.json["id"], again.headers["Idempotent-Replay"]) == (ordered.json["id"], "true")
    assert str(first) != ordered.json["id"]
