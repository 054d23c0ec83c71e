"""Dead letters over HTTP: for administrators only, a page at a time, tried again once."""

import pytest
from sqlalchemy import delete

from fixative.jobs.dead_letters import bury
from fixative.names import STORE_OUTPUTS, SWEEP
from fixative.postgres.operation_tables import DeadLetter


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
