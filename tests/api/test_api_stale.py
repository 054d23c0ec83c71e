"""While Postgres is away a job is shown as it last was, and that it may be otherwise is said."""

import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256

import pytest
from sqlalchemy import insert, update

from api.answer_schemas import Job as JobAnswer
from fixative.jobs.store import move
from fixative.media.last_shown import LARGEST
from fixative.postgres.media_tables import Media
from fixative.postgres.tables import Attempt, Job

SIGNS = ("Fixative-Stale", "Warning", "Age")
BODY = {"model": "emu/image", "input": {}}
OUTPUT = "https://replicate.delivery/out.png"


@pytest.fixture
def impatient(app_on):
    """The API as it runs, with a pool of its own: what is stopped is not what tests look with."""
    return app_on(connections=4, patience=2.5)


@pytest.fixture
def client_at(impatient, new_key):
    def made(owner="tests"):
        client = impatient.test_client()
        client.environ_base["HTTP_X_API_KEY"] = new_key(owner, "submit", "read", "cancel")
        return client

    return made


@pytest.fixture
def stored(database, submit):
    """A job that has succeeded, with one picture."""
    job_id, attempt_id = submit(), uuid.uuid4()
    media = {"job_id": job_id, "attempt_id": attempt_id, "index": 0, "role": "original"}
    media |= {"name": "original.png", "key": "k", "kind": "image", "content_type": "image/png"}
    media |= {"id": uuid.uuid4(), "bytes": 1, "sha256": sha256(b"1").hexdigest(), "pointers": [[0]]}
    prediction = {"output": [OUTPUT], "logs": "/media/ is no link here"}
    made = {"prediction_id": str(attempt_id), "prediction": prediction, "number": 1}
    with database.begin() as session:
        session.execute(insert(Attempt).values(id=attempt_id, job_id=job_id, **made))
        session.execute(update(Job).where(Job.id == job_id).values(attempt_id=attempt_id))
        session.execute(insert(Media).values(media))
        for step in ("submitting", "storing", "succeeded"):
            assert move(session, job_id, step, cause="task")
    return job_id


def test_a_job_is_shown_as_it_last_was_to_whom_it_may_be(
    client_at, stored, submit, stopped_postgres, refused, eventually
):
    mine, others = client_at(), client_at("others")
    unseen, gone = submit(), submit()
    assert mine.post(f"/jobs/{gone}/cancel").status_code == 202
    assert mine.delete(f"/jobs/{gone}").status_code == 204
    others.get("/jobs")
    fresh = mine.get(f"/jobs/{stored}")
    assert not any(sign in fresh.headers for sign in SIGNS)

    with stopped_postgres():
        stale = mine.get(f"/jobs/{stored}", headers={"If-None-Match": fresh.headers["ETag"]})
        elsewhere = mine.get(f"/jobs/{stored}", base_url="https://another.example")
        refused(others.get(f"/jobs/{stored}"), 404)
        refused(mine.get(f"/jobs/{gone}"), 410)
        refused(mine.get(f"/jobs/{unseen}"), 503)
        refused(mine.get(f"/jobs/{stored}", headers={"X-API-Key": "fx_" + "x" * 43}), 503)

    assert (stale.status_code, stale.json) == (200, {**fresh.json, "stale": True})
    JobAnswer.model_validate_json(stale.data)
    assert stale.headers["Fixative-Stale"] == "true"
    assert stale.headers["Warning"].startswith("110 ")
    assert 0 <= int(stale.headers["Age"]) < 300
    assert "ETag" not in stale.headers
    there = fresh.json["output"][0].replace("http://localhost/", "https://another.example/")
    assert there.startswith("https://another.example/media/")
    assert elsewhere.json["output"] == [there] == [elsewhere.json["media"][0]["url"]]
    eventually(lambda: "stale" not in mine.get(f"/jobs/{stored}").json)
    assert mine.get(f"/jobs/{stored}").json == fresh.json


def test_who_waits_waits_on_and_a_submission_is_answered_as_accepted(
    client_at, submit, stopped_postgres, impatient, eventually
):
    client, job_id = client_at(), submit()
    with ThreadPoolExecutor(3) as threads:

        def asked(seconds):
            wait = {"Prefer": f"wait={seconds}"}
            look = threads.submit(client.get, f"/jobs/{job_id}", headers=wait)
            return look, threads.submit(client.post, "/jobs", json=BODY, headers=wait)

        answers = asked(6)
        eventually(lambda: len(impatient.watcher._waiters) == 2)
        with stopped_postgres():
            look, submission = (answer.result(30) for answer in answers)

    assert (look.status_code, look.json["id"], look.json["stale"]) == (200, str(job_id), True)
    assert (submission.status_code, submission.json["status"]) == (202, "queued")
    assert look.headers["Preference-Applied"] == "wait=6"


def test_a_stream_goes_on_once_postgres_is_back(client_at, submit, stopped_postgres, database):
    client, job_id = client_at(), submit()
    stream = client.get("/events", buffered=False)
    pieces = iter(stream.response)
    assert next(pieces)

    with stopped_postgres():
        assert client.get(f"/jobs/{job_id}").status_code == 503  # the watcher has found out too
    with database.begin() as session:
        move(session, job_id, "submitting", cause="task")

    assert b'"status":"submitting"' in next(piece for piece in pieces if b"data" in piece)
    stream.close()


def test_a_job_too_large_to_be_kept_is_503_rather_than_shown_as_it_was_before(
    client_at, submit, database, stopped_postgres, refused
):
    client, job_id, attempt_id = client_at(), submit(), uuid.uuid4()
    client.get(f"/jobs/{job_id}")
    made = {"prediction_id": str(attempt_id), "prediction": {"logs": "x" * LARGEST}, "number": 1}
    with database.begin() as session:
        session.execute(insert(Attempt).values(id=attempt_id, job_id=job_id, **made))
        session.execute(update(Job).where(Job.id == job_id).values(attempt_id=attempt_id))
    client.get(f"/jobs/{job_id}")

    with stopped_postgres():
        refused(client.get(f"/jobs/{job_id}"), 503)


def test_what_a_text_of_the_users_looks_like_is_never_made_a_link(client_at, database):
    client = client_at()
    text = f"/media/{uuid.uuid4()}/original.png"
    job = client.post("/jobs", json={**BODY, "input": {"prompt": text}, "label": text}).json

    shown = client.get(f"/jobs/{job['id']}").json

    assert (shown["input"], shown["label"]) == ({"prompt": text}, text)
    assert json.dumps(shown).count("sig=") == 0
