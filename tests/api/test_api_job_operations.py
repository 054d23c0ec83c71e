"""Operations over HTTP: filters, retry, and what is done to all that a filter finds."""

import uuid

import pytest
from sqlalchemy import select, text, update

from api.answer_schemas import Job, JobPage
from api.answer_schemas_jobs import Dealt
from fixative.jobs.store import error_of, move
from fixative.names import CREATE_PREDICTION, Hint
from fixative.postgres.tables import Job as Row
from fixative.postgres.tables import Transition


@pytest.fixture
def failed(submit, database):
    """A job that has failed."""

    def make(**body):
        job_id = submit(**body)
        with database.begin() as session:
            error = error_of("model_error", "it broke")
            move(session, job_id, "failed", cause="poll", error=error)
        return job_id

    return make


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("owner=tests", {"a", "b"}),
        ("owner=others", set()),
        ("q=fog", {"a"}),
        ("q=FOG%20a", {"a"}),
        ("q=snow", set()),
        ("waiting=any", {"b"}),
        ("waiting=credit", {"b"}),
        ("waiting=pace", set()),
        (f"batch={uuid.UUID(int=1)}", set()),
    ],
)
def test_a_list_shows_what_its_filters_let_through(api, submit, database, query, expected):
    submit(label="a", input={"prompt": "a lighthouse in fog"})
    waits = submit(label="b")
    with database.begin() as session:
        session.execute(update(Row).where(Row.id == waits).values(waiting_reason="credit"))

    page = JobPage.model_validate_json(api.get(f"/jobs?{query}").data)

    assert {job.label for job in page.items} == expected


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("waiting=rain", "waiting"),
        ("batch=x", "batch"),
        ("q=%00", "q"),
        ("owner=" + "x" * 256, "owner"),
    ],
)
def test_a_filter_that_does_not_fit_is_422_and_named(api, refused, query, field):
    problem = refused(api.get(f"/jobs?{query}"), 422)

    assert [error.loc for error in problem.errors] == [[field]]


def test_the_admin_may_ask_for_one_owners_jobs(admin, client_of, submit):
    submit()
    client_of("others").post("/jobs", json={"model": "emu/image", "input": {}, "label": "theirs"})

    found = admin.get("/jobs?owner=others").json["items"]

    assert [job["label"] for job in found] == ["theirs"]


def test_a_retry_that_costs_is_409_until_it_may(api, failed, publisher, refused):
    job_id = failed()
    publisher.hints.clear()

    for body in ({}, {"json": {}}, {"json": {"pay_again": False}}):
        told = refused(api.post(f"/jobs/{job_id}/retry", **body), 409)
        assert "pay_again: true" in told.detail
    answer = api.post(f"/jobs/{job_id}/retry", json={"pay_again": True})

    job = Job.model_validate_json(answer.data)
    assert (answer.status_code, job.status, job.error) == (202, "queued", None)
    assert publisher.hints == [Hint(CREATE_PREDICTION, {"job_id": str(job_id)})]


def test_a_retry_is_the_owners_or_an_operators(api, admin, failed, database):
    mine, theirs = failed(), failed()

    api.post(f"/jobs/{mine}/retry", json={"pay_again": True})
    admin.post(f"/jobs/{theirs}/retry", json={"pay_again": True})

    again = select(Transition.job_id, Transition.cause).where(Transition.from_status == "failed")
    with database.begin() as session:
        assert dict(session.execute(again).all()) == {mine: "api", theirs: "operator"}


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        *((f"/jobs/{uuid.UUID(int=1)}/retry", body, "pay_again") for body in [{"pay_again": "so"}]),
        ("/jobs/retry", {"all": True, "pay_again": None}, "pay_again"),
        ("/jobs/cancel", {"all": False}, "all"),
        ("/jobs/cancel", {"all": True, "limit": 501}, "limit"),
        ("/jobs/cancel", {"all": True, "cursor": "x"}, "cursor"),
        ("/jobs/cancel", {"all": True, "pay_again": True}, "pay_again"),
        ("/jobs/cancel", {"filter": {"status": "done"}}, "filter"),
        ("/jobs/cancel", {"filter": {"name": "x"}}, "filter"),
    ],
)
def test_a_body_that_does_not_fit_is_422_and_named(api, refused, path, body, field):
    problem = refused(api.post(path, json=body), 422)

    assert [error.loc[0] for error in problem.errors] == [field]


@pytest.mark.parametrize("path", ["/jobs/cancel", "/jobs/retry"])
@pytest.mark.parametrize(
    "body",
    [{}, {"filter": {}}, {"filter": {"label": None}}, {"all": True, "filter": {"label": "a"}}],
    ids=str,
)
def test_nothing_is_done_to_all_unless_that_is_said(api, submit, refused, path, body):
    job_id = submit()

    refused(api.post(path, json=body), 422)

    assert api.get(f"/jobs/{job_id}").json["status"] == "queued"


def test_all_that_a_filter_finds_are_cancelled_and_no_others(api, client_of, submit, failed):
    jobs = [submit(label="a") for _ in range(3)]
    other, ended = submit(label="b"), failed(label="a")
    foreign = client_of("others").post("/jobs", json={"model": "emu/image", "input": {}}).json["id"]

    answer = api.post("/jobs/cancel", json={"filter": {"label": "a"}})

    told = Dealt.model_validate_json(answer.data)
    assert (answer.status_code, told.matched, told.done, told.next) == (202, 3, 3, None)
    assert told.ids == jobs[::-1]
    statuses = {id_: api.get(f"/jobs/{id_}").json["status"] for id_ in (*jobs, other, ended)}
    assert list(statuses.values()) == ["canceled"] * 3 + ["queued", "failed"]
    assert client_of("others").get(f"/jobs/{foreign}").json["status"] == "queued"


def test_what_is_left_beyond_the_limit_is_told_and_gone_on_with(api, submit):
    jobs = [submit() for _ in range(5)]
    done, cursor = [], None
    while True:
        body = {"all": True, "limit": 2, "cursor": cursor}
        told = Dealt.model_validate_json(api.post("/jobs/cancel", json=body).data)
        assert told.done <= 2
        done += told.ids
        if (cursor := told.next) is None:
            break

    assert done == jobs[::-1]


def test_all_that_failed_are_retried_and_what_is_refused_is_told_with_its_reason(
    api, admin, failed, submit, publisher, database
):
    jobs = [failed() for _ in range(2)]
    imported, waiting = failed(), submit()
    with database.begin() as session:
        session.execute(update(Row).where(Row.id == imported).values(source="sync"))
    publisher.hints.clear()

    unpaid = Dealt.model_validate_json(api.post("/jobs/retry", json={"all": True}).data)
    assert (unpaid.done, len(unpaid.refused)) == (0, 3)
    paid = api.post("/jobs/retry", json={"all": True, "pay_again": True})

    told = Dealt.model_validate_json(paid.data)
    assert (told.matched, told.ids) == (3, jobs[::-1])
    [left] = told.refused
    assert (left.id, "not submitted here" in left.detail) == (imported, True)
    assert [hint.task for hint in publisher.hints] == [CREATE_PREDICTION] * 2
    assert api.get(f"/jobs/{waiting}").json["status"] == "queued"


def test_of_many_jobs_a_hundred_are_hinted_and_the_sweep_finds_the_rest(
    api, failed, publisher, database
):
    failed()
    alike = text("""
        INSERT INTO jobs (id, owner_id, status, job_type, model, input, completed_at)
        SELECT gen_random_uuid(), owner_id, status, job_type, model, input, completed_at
        FROM jobs, generate_series(1, 110)
    """)
    with database.begin() as session:
        session.execute(alike)
    publisher.hints.clear()

    body = {"filter": {"status": "failed"}, "pay_again": True, "limit": 110}
    told = Dealt.model_validate_json(api.post("/jobs/retry", json=body).data)

    assert (told.done, len(publisher.hints)) == (110, 100)
    assert told.next is not None
