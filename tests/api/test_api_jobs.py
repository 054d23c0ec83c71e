"""Jobs over HTTP: submit, look, list, cancel."""

import uuid
from datetime import datetime, timedelta

import pytest
from sqlalchemy import insert, update

from api.answer_schemas import Job, JobPage, Timeline
from fixative.jobs.store import move
from fixative.names import CREATE_PREDICTION, PURGE_EXPIRED, Hint
from fixative.postgres.tables import Attempt
from fixative.postgres.tables import Job as JobRow
from fixative.shared import connect

parse = datetime.fromisoformat
BODY = {"model": "emu/image", "input": {"prompt": "a lighthouse"}}


def test_a_submitted_job_is_answered_with_202_and_where_it_is(api, publisher, all_jobs):
    answer = api.post("/jobs", json={**BODY, "job_type": "image", "metadata": {"a": [1, None]}})

    job = Job.model_validate_json(answer.data)
    assert (answer.status_code, job.status, job.input) == (202, "queued", BODY["input"])
    assert answer.headers["Location"] == f"http://localhost/jobs/{job.id}"
    assert [row.id for row in all_jobs()] == [job.id]
    assert publisher.hints == [Hint(CREATE_PREDICTION, {"job_id": str(job.id)})]
    assert api.get(f"/jobs/{job.id}").json == answer.json


def test_links_begin_with_the_public_url_where_there_is_one(new_app, settings, new_key):
    public = settings.model_copy(update={"fixative_public_url": "https://fixative.example"})
    client = new_app(public).test_client()

    answer = client.post("/jobs", json=BODY, headers={"X-API-Key": new_key()})

    assert answer.headers["Location"] == f"https://fixative.example/jobs/{answer.json['id']}"


def test_the_row_is_committed_before_its_hint_is_published(new_app, new_key, read_job):
    seen = []

    class Reading:
        def publish(self, hints):
            seen.extend(read_job(uuid.UUID(hint.arguments["job_id"])) for hint in hints)

    client = new_app(publisher=Reading()).test_client()
    client.post("/jobs", json=BODY, headers={"X-API-Key": new_key()})

    assert [job.status for job in seen] == ["queued"]


@pytest.mark.parametrize(
    "target",
    [
        {"version": "0" * 64},
        {"version": "owner/name:" + "a1" * 32},
        {"deployment": "owner/name"},
        {"model": "Owner.x/name_1-2", "version": None, "deployment": None},
    ],
)
def test_each_kind_of_target_is_taken(api, target):
    answer = api.post("/jobs", json={**target, "input": {}})

    assert answer.status_code == 202
    assert target.items() <= answer.json.items()


def test_the_same_key_and_body_are_the_same_job(api, publisher, all_jobs, database):
    headers = {"Idempotency-Key": "order 1"}
    first = api.post("/jobs", json=BODY, headers=headers)
    with database.begin() as session:
        move(session, uuid.UUID(first.json["id"]), "submitting", cause="task")

    again = api.post("/jobs", json=dict(reversed(BODY.items())), headers=headers)

    assert (again.status_code, again.headers["Idempotent-Replay"]) == (200, "true")
    assert (again.json["id"], again.json["status"]) == (first.json["id"], "submitting")
    assert (len(all_jobs()), len(publisher.hints)) == (1, 1)
    assert "Idempotent-Replay" not in first.headers


def test_the_same_key_with_another_body_is_a_conflict(api, refused, all_jobs):
    headers = {"Idempotency-Key": "order 1"}
    api.post("/jobs", json=BODY, headers=headers)

    refused(api.post("/jobs", json={**BODY, "input": {}}, headers=headers), 409)

    assert len(all_jobs()) == 1


def test_a_refused_request_leaves_its_key_unused(api):
    headers = {"Idempotency-Key": "order 1"}
    assert api.post("/jobs", json={"input": {}}, headers=headers).status_code == 422

    assert api.post("/jobs", json=BODY, headers=headers).status_code == 202


def test_a_key_is_one_owners_own(api, client_of):
    headers = {"Idempotency-Key": "order 1"}

    assert api.post("/jobs", json=BODY, headers=headers).status_code == 202
    assert client_of("others").post("/jobs", json=BODY, headers=headers).status_code == 202


def test_a_job_is_304_until_it_changes(api, submit, database):
    job_id = submit()
    etag = api.get(f"/jobs/{job_id}").headers["ETag"]

    same = api.get(f"/jobs/{job_id}", headers={"If-None-Match": etag})
    assert (same.status_code, same.data) == (304, b"")

    with database.begin() as session:
        move(session, job_id, "submitting", cause="task")
    changed = api.get(f"/jobs/{job_id}", headers={"If-None-Match": etag})
    assert (changed.status_code, changed.json["status"]) == (200, "submitting")
    assert changed.headers["ETag"] != etag


def test_a_job_is_the_same_to_the_last_byte_however_often_it_is_asked_for(
    api, submit, database, settings
):
    job_id, attempt_id = submit(), uuid.uuid4()
    deep = []
    for _ in range(300):
        deep = [deep]
    told = {"logs": "\u2028 \x7f", "metrics": {"n": 2**70, "f": 1e-7, "big": 1e300}, "error": deep}
    made = {"job_id": job_id, "number": 1, "prediction_id": str(attempt_id), "prediction": told}
    with database.begin() as session:
        session.execute(insert(Attempt).values(id=attempt_id, **made))
        session.execute(update(JobRow).values(attempt_id=attempt_id))

    first, again = api.get(f"/jobs/{job_id}"), api.get(f"/jobs/{job_id}")

    with connect(settings.redis_url.get_secret_value()) as redis:
        assert redis.exists(f"fixative:shown:{job_id}")
    assert (again.data, again.headers["ETag"]) == (first.data, first.headers["ETag"])
    assert first.json["prediction"]["metrics"]["n"] == 2**70


def test_what_was_shown_is_not_shown_again_once_anything_of_it_has_changed(
    client_of, database, admin
):
    client = client_of("keepers")
    job_id = client.post("/jobs", json=BODY).json["id"]
    for _ in range(2):
        assert client.get(f"/jobs/{job_id}").json["label"] is None
    with database.begin() as session:
        session.execute(update(JobRow).values(label="now it has one"))
    assert client.get(f"/jobs/{job_id}").json["label"] == "now it has one"

    assert client.post(f"/jobs/{job_id}/cancel").json["status"] == "canceled"
    assert client.get(f"/jobs/{job_id}").json["media_expires_at"] is None
    admin.post("/admin/owners", json={"name": "keepers", "retention_days": 3})
    assert client.get(f"/jobs/{job_id}").json["media_expires_at"] is not None


@pytest.mark.parametrize("path", ["", "/timeline", "/cancel", "/media"])
@pytest.mark.parametrize("name", ["foreign", "unknown", "no-id", "%00", "a%20b", "%ff"])
def test_an_id_that_is_foreign_or_unknown_or_none_is_404_alike(
    submit, client_of, refused, path, name
):
    other = client_of("others")
    job_id = {"foreign": submit(), "unknown": uuid.uuid4()}.get(name, name)

    if path == "/cancel":
        answer = other.post(f"/jobs/{job_id}/cancel")
    elif path == "/media":
        answer = other.get(f"/media/{job_id}/original.png")
    else:
        answer = other.get(f"/jobs/{job_id}{path}")

    refused(answer, 404)


def test_the_admin_sees_everybodys_jobs_and_an_owner_only_their_own(submit, api, admin, client_of):
    mine = str(submit())
    other = client_of("others")
    theirs = other.post("/jobs", json=BODY).json["id"]

    assert [job["id"] for job in api.get("/jobs").json["items"]] == [mine]
    assert [job["id"] for job in other.get("/jobs").json["items"]] == [theirs]
    assert [job["id"] for job in admin.get("/jobs").json["items"]] == [theirs, mine]
    assert admin.get(f"/jobs/{mine}").status_code == 200


def test_a_list_pages_from_the_newest_to_the_oldest(api, submit):
    jobs = [str(submit()) for _ in range(5)]
    found, sizes, cursor = [], [], None
    while True:
        query = {"limit": 2} if cursor is None else {"limit": 2, "cursor": cursor}
        page = JobPage.model_validate_json(api.get("/jobs", query_string=query).data)
        found += [str(job.id) for job in page.items]
        sizes.append(len(page.items))
        if (cursor := page.next) is None:
            break

    assert found == jobs[::-1]
    assert sizes == [2, 2, 1]


def test_a_page_that_ends_exactly_at_the_oldest_has_no_next(api, submit):
    submit()
    submit()

    assert api.get("/jobs?limit=2").json["next"] is None


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("status=queued", ["a", "b"]),
        ("status=succeeded", []),
        ("model=emu/video", ["b"]),
        ("job_type=image", ["a"]),
        ("label=b", ["b"]),
        ("label=b&job_type=image", []),
        ("created_after=2000-01-01T00:00:00Z", ["a", "b"]),
        ("created_before=2000-01-01T00:00:00%2B02:00", []),
    ],
)
def test_a_list_shows_what_its_filters_let_through(api, submit, query, expected):
    submit(label="a", job_type="image")
    submit(label="b", model="emu/video")

    items = api.get(f"/jobs?{query}").json["items"]

    assert sorted(job["label"] for job in items) == expected


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=x", "limit"),
        ("cursor=x", "cursor"),
        ("cursor=%00", "cursor"),
        ("cursor=%C3%A4", "cursor"),
        ("cursor=" + "A" * 100, "cursor"),
        ("status=done", "status"),
        ("label=%00", "label"),
        ("created_after=yesterday", "created_after"),
        ("created_after=2026-01-01T00:00:00", "created_after"),
        ("owner_name=x", "owner_name"),
    ],
)
def test_a_filter_that_does_not_fit_is_422_and_named(api, refused, query, field):
    problem = refused(api.get(f"/jobs?{query}"), 422)

    assert [error.loc for error in problem.errors] == [[field]]


@pytest.mark.parametrize("instant", ["0001-01-01T00:00:00%2B14:00", "9999-12-31T23:59:59-14:00"])
def test_the_ends_of_time_are_only_times(api, instant):
    assert api.get(f"/jobs?created_after={instant}").status_code in {200, 422}


def test_a_timeline_tells_what_happened_in_order(api, submit):
    job_id = submit()
    api.post(f"/jobs/{job_id}/cancel")

    told = Timeline.model_validate_json(api.get(f"/jobs/{job_id}/timeline").data)

    assert [(item.kind, item.from_, item.to) for item in told.items] == [
        ("transition", None, "queued"),
        ("transition", "queued", "canceled"),
    ]


def test_a_job_is_canceled_at_once_while_nothing_was_sent_and_again_is_no_harm(api, submit):
    job_id = submit()

    answers = [api.post(f"/jobs/{job_id}/cancel") for _ in range(2)]

    assert [answer.status_code for answer in answers] == [202, 202]
    job = Job.model_validate_json(answers[0].data)
    assert (job.status, job.error.code) == ("canceled", "canceled")
    assert answers[0].json == answers[1].json


@pytest.fixture
def finished(api):
    """A job that has ended."""

    def make():
        job_id = api.post("/jobs", json=BODY).json["id"]
        assert api.post(f"/jobs/{job_id}/cancel").json["status"] == "canceled"
        return job_id

    return make


def test_a_deleted_job_is_gone_from_every_address(api, finished, publisher, refused):
    job_id = finished()

    assert api.delete(f"/jobs/{job_id}").status_code == 204

    assert publisher.hints[-1] == Hint(PURGE_EXPIRED)
    for method, path in (("GET", ""), ("GET", "/timeline"), ("POST", "/cancel"), ("DELETE", "")):
        refused(api.open(f"/jobs/{job_id}{path}", method=method), 410)
    assert job_id not in api.get("/jobs").text


def test_an_unfinished_job_is_not_deleted(api, refused):
    job_id = api.post("/jobs", json=BODY).json["id"]

    refused(api.delete(f"/jobs/{job_id}"), 409)

    assert api.get(f"/jobs/{job_id}").status_code == 200


def test_a_job_of_somebody_else_is_not_deleted(api, client_of, finished, refused):
    job_id = finished()

    refused(client_of("another", "cancel").delete(f"/jobs/{job_id}"), 404)

    assert api.get(f"/jobs/{job_id}").status_code == 200


def test_a_job_says_when_its_media_end(new_app, settings, new_key):
    kept = settings.model_copy(update={"fixative_retention_days": 30})
    client, key = new_app(kept).test_client(), {"X-API-Key": new_key()}
    job = client.post("/jobs", json=BODY, headers=key).json
    assert job["media_expires_at"] is None

    ended = client.post(f"/jobs/{job['id']}/cancel", headers=key).json

    kept_for = parse(ended["media_expires_at"]) - parse(ended["completed_at"])
    assert kept_for == timedelta(days=30)
