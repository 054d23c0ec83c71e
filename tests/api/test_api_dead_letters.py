"""Dead letters over HTTP: for administrators only, a page at a time, tried again once."""

import pytest
from sqlalchemy import delete, insert, update
from uuid_utils.compat import uuid7

from api.answer_schemas import Job
from fixative.jobs.dead_letters import bury
from fixative.jobs.requeue import MOST
from fixative.names import STORE_OUTPUTS, SWEEP
from fixative.postgres.operation_tables import DeadLetter
from fixative.postgres.tables import Job as RowOfJob


@pytest.fixture
def letters(database):
    """Three letters, two of them of one task; removed afterwards."""
    with database.begin() as session:
        for number, task in enumerate((STORE_OUTPUTS, STORE_OUTPUTS, SWEEP)):
            bury(session, task, {"n": number}, ValueError(f"broke {number}"))
            session.flush()
    yield
    with database.begin() as session:
        session.execute(delete(DeadLetter))


@pytest.fixture
def get(admin):
    return admin.get


@pytest.fixture
def post(admin):
    return lambda path, body=None: admin.post(path, json=body or {})


def test_they_are_listed_newest_first_a_page_at_a_time(letters, get):
    first = get("/admin/dead-letters?limit=2").json
    second = get(f"/admin/dead-letters?limit=2&cursor={first['next']}").json

    messages = [item["message"] for page in (first, second) for item in page["items"]]
    assert messages == ["broke 2", "broke 1", "broke 0"]
    assert second["next"] is None


def test_they_are_found_by_task(letters, get):
    assert len(get(f"/admin/dead-letters?task={STORE_OUTPUTS}").json["items"]) == 2


def test_a_job_shows_its_own_and_they_are_found_by_job(letters, api, get, submit, database):
    job_id, other_id = submit(), submit()
    with database.begin() as session:
        bury(session, STORE_OUTPUTS, {"job_id": str(job_id)}, ValueError("broke here"))

    [item] = get(f"/admin/dead-letters?job={job_id}").json["items"]

    assert (item["message"], item["job_id"]) == ("broke here", str(job_id))
    assert get(f"/admin/dead-letters?job={other_id}").json["items"] == []
    shown = Job.model_validate_json(api.get(f"/jobs/{job_id}").data)
    assert [str(letter.id) for letter in shown.dead_letters] == [item["id"]]
    assert api.get(f"/jobs/{other_id}").json["dead_letters"] == []
    kinds = [each["kind"] for each in api.get(f"/jobs/{job_id}/timeline").json["items"]]
    assert kinds == ["transition", "dead_letter"]


def test_a_letter_is_requeued_with_its_row_committed_before_its_hint(
    letters, new_app, settings, read_job, submit, database
):
    job_id, seen = submit(), []
    with database.begin() as session:
        session.execute(update(RowOfJob).values(crashes=10, status="storing"))
        bury(session, STORE_OUTPUTS, {"job_id": str(job_id)}, ValueError("broke here"))

    class Reading:
        def publish(self, hints):
            seen.extend(read_job(job_id).crashes for hint in hints)

    key = settings.fixative_admin_key.get_secret_value()
    client = new_app(publisher=Reading()).test_client()
    answer = client.post(
        "/admin/dead-letters/requeue", json={"task": STORE_OUTPUTS}, headers={"X-API-Key": key}
    )

    assert (answer.json, seen) == ({"requeued": 3}, [0, 0, 0])


def test_more_than_fit_into_one_transaction_are_requeued_all(database, post, publisher):
    count = 2 * MOST + 1
    with database.begin() as session:
        rows = {"task": SWEEP, "arguments": {}, "error_class": "E", "message": "", "traceback": ""}
        session.execute(insert(DeadLetter), [{"id": uuid7(), **rows} for _ in range(count)])

    try:
        assert post("/admin/dead-letters/requeue", {"all": True}).json == {"requeued": count}
        assert len(publisher.hints) == count
    finally:
        with database.begin() as session:
            session.execute(delete(DeadLetter))


def test_one_is_shown_with_its_traceback(letters, get):
    [letter, *_] = get("/admin/dead-letters").json["items"]

    shown = get(f"/admin/dead-letters/{letter['id']}").json

    assert "ValueError: broke 2" in shown["traceback"]
    assert shown["arguments"] == {"n": 2}
    assert get("/admin/dead-letters/none").status_code == 404


def test_one_is_requeued_once(letters, get, post, publisher):
    [letter, *_] = get("/admin/dead-letters").json["items"]

    answers = [post(f"/admin/dead-letters/{letter['id']}/requeue") for _ in range(2)]

    assert [(a.status_code, a.json) for a in answers] == [
        (202, {"requeued": 1}),
        (202, {"requeued": 0}),
    ]
    assert [hint.task for hint in publisher.hints] == [SWEEP]
    assert len(get("/admin/dead-letters?requeued=true").json["items"]) == 1


@pytest.mark.parametrize(("body", "count"), [({"task": STORE_OUTPUTS}, 2), ({"all": True}, 3)])
def test_many_are_requeued_by_task_or_all(letters, post, body, count):
    assert post("/admin/dead-letters/requeue", body).json == {"requeued": count}


@pytest.mark.parametrize("body", [{}, {"all": True, "task": "x"}, {"ids": []}, {"all": False}])
def test_what_to_requeue_is_said_in_exactly_one_way(post, body):
    assert post("/admin/dead-letters/requeue", body).status_code == 422


def test_a_key_without_the_scope_sees_none(api):
    assert api.get("/admin/dead-letters").status_code == 403
