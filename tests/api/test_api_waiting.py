"""Answers that are held back until there is news, and what they cost everybody else."""

import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import update

from fixative.postgres.tables import Attempt, Job

BODY = {"model": "emu/image", "input": {}}
LONG = {"Prefer": "wait=60"}  # far beyond what any of these takes
APPLIED = "Preference-Applied"


@pytest.fixture
def threads():
    with ThreadPoolExecutor(8) as pool:
        yield pool


@pytest.fixture
def held(app, eventually):
    """Wait until so many wait."""

    def waited(count=1, *, at=app):
        eventually(lambda: len(at.watcher._waiters) == count)

    return waited


@pytest.fixture
def ask(api, threads):
    """Ask for a job, in a thread of its own."""
    return lambda job_id, **headers: threads.submit(
        api.get, f"/jobs/{job_id}", headers={**LONG, **headers}
    )


def test_a_submission_is_answered_as_soon_as_its_job_has_ended(api, threads, all_jobs, go, held):
    answer = threads.submit(api.post, "/jobs", json=BODY, headers=LONG)
    held()
    [job] = all_jobs()
    go(job.id, "submitting", "starting")
    assert not answer.done()
    go(job.id, "failed")

    told = answer.result(30)
    assert (told.status_code, told.json["status"], told.json["id"]) == (200, "failed", str(job.id))
    assert told.headers[APPLIED] == "wait=60"
    assert told.headers["Location"] == f"http://localhost/jobs/{job.id}"


def test_a_submission_whose_job_takes_longer_is_202_with_how_it_stands_by_then(
    api, threads, all_jobs, go, held
):
    answer = threads.submit(api.post, "/jobs", json=BODY, headers={"Prefer": "wait=5"})
    held()
    go(all_jobs()[0].id, "submitting")

    told = answer.result(30)
    assert (told.status_code, told.json["status"]) == (202, "submitting")
    assert told.headers[APPLIED] == "wait=5"


def test_the_same_submission_waits_for_the_same_job(api, threads, submit, all_jobs, go, held):
    key = {"Idempotency-Key": "once"}
    first = api.post("/jobs", json=BODY, headers=key).json["id"]
    answer = threads.submit(api.post, "/jobs", json=BODY, headers={**key, **LONG})
    held()
    go(uuid.UUID(first), "canceled")

    told = answer.result(30)
    assert (told.status_code, told.json["id"], told.json["status"]) == (200, first, "canceled")
    assert told.headers["Idempotent-Replay"] == "true"
    assert api.post("/jobs", json=BODY, headers={**key, **LONG}).json["status"] == "canceled"


def test_a_look_is_answered_when_the_job_moves(ask, submit, go, held):
    job_id = submit()
    answer = ask(job_id)
    held()
    go(job_id, "submitting")

    told = answer.result(30)
    assert (told.status_code, told.json["status"]) == (200, "submitting")
    assert told.headers[APPLIED] == "wait=60"


def test_a_look_with_an_etag_is_answered_when_the_job_is_another_and_304_when_it_is_not(
    api, ask, submit, go, held
):
    job_id = submit()
    etag = api.get(f"/jobs/{job_id}").headers["ETag"]
    short = {"If-None-Match": etag, "Prefer": "wait=1"}
    same = api.get(f"/jobs/{job_id}", headers=short)
    assert (same.status_code, same.headers["ETag"], same.headers[APPLIED]) == (304, etag, "wait=1")

    answer = ask(job_id, **{"If-None-Match": f"W/{etag}"})
    held()
    go(job_id, "submitting")
    assert answer.result(30).json["status"] == "submitting"

    known = api.get(f"/jobs/{job_id}", headers={"If-None-Match": etag, **LONG})
    assert known.json["status"] == "submitting"  # at once: it is another already


def test_a_look_at_a_job_that_has_ended_is_answered_at_once(api, submit, go):
    job_id = submit()
    go(job_id, "canceled")

    told = api.get(f"/jobs/{job_id}", headers=LONG)

    assert (told.status_code, told.json["status"]) == (200, "canceled")


def test_a_look_is_answered_when_replicate_tells_more_of_the_prediction(
    ask, submit, database, held
):
    job_id, attempt_id = submit(), uuid.uuid4()
    with database.begin() as session:
        made = {"prediction_id": str(attempt_id), "prediction": {"logs": "10%"}}
        session.add(Attempt(id=attempt_id, job_id=job_id, number=1, **made))
        session.execute(update(Job).where(Job.id == job_id).values(attempt_id=attempt_id))
    answer = ask(job_id)
    held()
    with database.begin() as session:
        session.execute(update(Attempt).values(prediction={"logs": "20%"}))

    assert answer.result(30).json["prediction"]["logs"] == "20%"


def test_what_changes_nothing_that_is_shown_is_no_news(ask, submit, database, held, go):
    job_id = submit()
    answer = ask(job_id)
    held()
    for _ in range(3):
        with database.begin() as session:
            session.execute(update(Job).values(hinted_at=Job.created_at))
    go(job_id, "submitting")

    assert answer.result(30).json["status"] == "submitting"


@pytest.mark.parametrize("prefer", ["wait=0", "wait=soon", "handling=strict", "", "wait"])
def test_a_preference_that_makes_no_sense_is_passed_over(api, prefer):
    answer = api.post("/jobs", json=BODY, headers={"Prefer": prefer})

    assert (answer.status_code, APPLIED in answer.headers) == (202, False)
    look = api.get(f"/jobs/{answer.json['id']}", headers={"Prefer": prefer})
    assert (look.status_code, APPLIED in look.headers) == (200, False)


def test_who_waits_for_a_job_that_is_deleted_meanwhile_learns_it(
    api, ask, submit, go, held, refused
):
    job_id = submit()
    go(job_id, "canceled")
    etag = api.get(f"/jobs/{job_id}").headers["ETag"]
    answer = ask(job_id, **{"If-None-Match": etag})
    held()
    assert api.delete(f"/jobs/{job_id}").status_code == 204

    refused(answer.result(30), 410)


def test_who_waits_for_somebody_elses_job_is_not_kept_waiting(client_of, submit, refused):
    refused(client_of("others").get(f"/jobs/{submit()}", headers=LONG), 404)


def test_who_waits_holds_no_connection(app_on, new_key, threads, submit, go, held):
    app = app_on(connections=1)
    client = app.test_client()
    client.environ_base["HTTP_X_API_KEY"] = new_key()
    jobs = [submit() for _ in range(6)]

    answers = [threads.submit(client.get, f"/jobs/{job_id}", headers=LONG) for job_id in jobs]
    held(6, at=app)
    assert client.post("/jobs", json=BODY).status_code == 202
    for job_id in jobs:
        go(job_id, "canceled")

    assert {answer.result(30).json["status"] for answer in answers} == {"canceled"}


def test_nobody_waits_in_a_process_that_is_to_end(new_app, new_key, threads, submit, held):
    app = new_app()
    client = app.test_client()
    client.environ_base["HTTP_X_API_KEY"] = new_key()
    job_id = submit()
    answer = threads.submit(client.get, f"/jobs/{job_id}", headers=LONG)
    held(at=app)

    app.watcher.end()

    assert answer.result(30).json["status"] == "queued"
    assert client.get(f"/jobs/{job_id}", headers=LONG).json["status"] == "queued"
