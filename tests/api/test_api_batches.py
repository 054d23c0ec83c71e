"""Batches over HTTP: all jobs or none, in one transaction, with one hint."""

import json
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, select, text

from api.answer_schemas import Job
from api.answer_schemas_jobs import AcceptedBatch, Batch
from fixative.access.owners import change_owner
from fixative.jobs.store import move
from fixative.names import ADMIT, PURGE_EXPIRED, Hint
from fixative.postgres.tables import Job as Row
from fixative.postgres.tables import Transition

BODY = {"model": "emu/image", "input": {"prompt": "a lighthouse"}}


@pytest.fixture
def post(api):
    """Submit these jobs as a batch; the answer, read."""

    def send(*jobs, label=None, key=None):
        headers = {"Idempotency-Key": key} if key else {}
        answer = api.post("/jobs/batch", json={"jobs": jobs, "label": label}, headers=headers)
        assert answer.status_code in {200, 202}, answer.text
        return AcceptedBatch.model_validate_json(answer.data)

    return send


@pytest.fixture
def show(api):
    return lambda batch_id: Batch.model_validate_json(api.get(f"/batches/{batch_id}").data)


def test_a_batch_of_a_thousand_is_one_transaction_and_one_hint(post, show, publisher, database):
    jobs = [{**BODY, "input": {"prompt": f"lighthouse {n}"}} for n in range(1000)]

    told = post(*jobs, label="all weathers")

    assert [job.status for job in told.jobs] == ["queued"] * 1000
    assert publisher.hints == [Hint(ADMIT)]
    of_batch = select(Row.id).where(Row.batch_id == told.batch_id)
    with database.begin() as session:
        transactions = session.execute(
            text("SELECT DISTINCT xmin::text FROM jobs UNION SELECT xmin::text FROM transitions")
        ).all()
        prompts = session.execute(
            of_batch.add_columns(Row.input["prompt"].astext).order_by(Row.fair_at)
        ).all()
    assert len(transactions) == 1
    assert prompts == [(job.id, f"lighthouse {n}") for n, job in enumerate(told.jobs)]
    shown = show(told.batch_id)
    assert (shown.label, shown.total, shown.counts.queued) == ("all weathers", 1000, 1000)


def test_a_job_of_a_batch_is_as_if_it_had_come_alone(api, post, database, submit):
    body = {
        **BODY,
        "job_type": "image",
        "metadata": {"a": [1, None, "ü"]},
        "label": "fog",
        "priority": "high",
        "cancel_after": 60,
        "webhook": "https://app.example/hook",
        "webhook_events": ["start"],
        "input": {"z": 1, "a": {"é": 1.50, "b": None}, "prompt": "x"},
    }
    alone = submit(**body)
    [of_batch] = post(body).jobs

    with database.begin() as session:
        rows = [session.get_one(Row, id_) for id_ in (alone, of_batch.id)]
        moves = session.scalars(select(Transition.cause).where(Transition.job_id == of_batch.id))
        assert moves.all() == ["api"]
    own = {"id", "batch_id", "created_at", "updated_at", "deadline", "fair_at", "hinted_at"}
    own.add("next_attempt_at")
    first, second = ({k: v for k, v in vars(row).items() if k not in own} for row in rows)
    first.pop("_sa_instance_state"), second.pop("_sa_instance_state")
    assert first == second
    assert list(rows[1].input) == ["z", "a", "prompt"]
    times = [row.deadline - row.created_at for row in rows]
    assert times[0] == times[1]
    with database.begin() as session:
        nothing = select(func.count()).where(Row.price.is_(None), Row.error.is_(None))
        assert session.scalar(nothing) == 2  # no JSON null


def test_what_holds_for_an_owner_holds_for_its_batches(post, database):
    with database.begin() as session:
        webhook = {"webhook": "https://app.example/all", "webhook_events": ["failed"], "weight": 4}
        change_owner(session, "tests", webhook)

    told = post(BODY, {**BODY, "webhook_events": ["succeeded"]}, {**BODY, "priority": "low"}, BODY)

    with database.begin() as session:
        first, second, _, last = (session.get_one(Row, job.id) for job in told.jobs)
        change_owner(session, "tests", {"webhook": None, "webhook_events": None, "weight": 1})
    assert (first.webhook, first.webhook_events) == ("https://app.example/all", ["failed"])
    assert (second.webhook, second.webhook_events) == ("https://app.example/all", ["succeeded"])
    assert (last.fair_at - first.fair_at).total_seconds() == 0.5  # of its own priority two on


@pytest.mark.parametrize(
    ("job", "loc"),
    [
        ({"input": {}}, ["model"]),
        ({**BODY, "input": []}, ["input"]),
        ({**BODY, "cancel_after": 1}, ["cancel_after"]),
        ({**BODY, "prompt": "x"}, ["prompt"]),
        ({**BODY, "idempotency_key": ""}, ["idempotency_key"]),
        ({**BODY, "webhook": "http://10.0.0.1/"}, ["webhook"]),
        ({**BODY, "label": "\0"}, ["label"]),
        ({**BODY, "model": "name"}, ["model"]),
    ],
)
def test_one_job_at_fault_is_named_by_its_number_and_none_is_taken_in(
    api, refused, all_jobs, publisher, job, loc
):
    problem = refused(api.post("/jobs/batch", json={"jobs": [BODY, BODY, job]}), 422)

    assert ["jobs", 2, *loc] in [error.loc for error in problem.errors]
    assert (all_jobs(), publisher.hints) == ([], [])


def test_every_job_at_fault_is_named(api, refused):
    bad = {**BODY, "webhook": "http://10.0.0.1/"}

    problem = refused(api.post("/jobs/batch", json={"jobs": [bad, BODY, bad]}), 422)

    assert [error.loc for error in problem.errors] == [
        ["jobs", 0, "webhook"],
        ["jobs", 2, "webhook"],
    ]


@pytest.mark.parametrize(
    ("body", "loc"),
    [
        ({}, ["jobs"]),
        ({"jobs": []}, ["jobs"]),
        ({"jobs": [BODY] * 1001}, ["jobs"]),
        ({"jobs": [BODY], "label": "x" * 256}, ["label"]),
        ({"jobs": [BODY], "priority": "high"}, ["priority"]),
        ({"jobs": [{**BODY, "idempotency_key": "k"}] * 2}, ["jobs", 1, "idempotency_key"]),
    ],
    ids=["no jobs", "none", "too many", "label", "unknown", "a key twice"],
)
def test_a_batch_that_does_not_fit_is_422_and_named(api, refused, all_jobs, body, loc):
    problem = refused(api.post("/jobs/batch", json=body), 422)

    assert [error.loc for error in problem.errors] == [loc]
    assert all_jobs() == []


def test_a_job_whose_key_is_known_is_that_job_whatever_became_of_it(
    api, post, show, database, publisher
):
    named = {**BODY, "idempotency_key": "order 1"}
    first = api.post("/jobs", json=BODY, headers={"Idempotency-Key": "order 1"}).json["id"]
    with database.begin() as session:
        move(session, uuid.UUID(first), "submitting", cause="task")

    told = post(BODY, named, {**BODY, "idempotency_key": "order 2"})

    assert [job.status for job in told.jobs] == ["queued", "submitting", "queued"]
    assert str(told.jobs[1].id) == first
    assert show(told.batch_id).total == 2
    again = api.post("/jobs", json=BODY, headers={"Idempotency-Key": "order 2"})
    assert (again.status_code, again.json["id"]) == (200, str(told.jobs[2].id))


def test_a_key_that_stands_for_something_else_is_a_conflict_and_nothing_is_taken_in(
    api, refused, all_jobs
):
    api.post("/jobs", json=BODY, headers={"Idempotency-Key": "order 1"})
    other = {"model": "emu/image", "input": {}, "idempotency_key": "order 1"}

    told = refused(api.post("/jobs/batch", json={"jobs": [BODY, other]}), 409)

    assert "jobs.1.idempotency_key" in told.detail
    assert len(all_jobs()) == 1


def test_the_same_key_and_batch_are_the_same_batch(api, post, publisher, all_jobs):
    jobs = [BODY, {**BODY, "idempotency_key": "a"}, {**BODY, "label": "third"}]
    first = post(*jobs, key="night run")

    again = api.post("/jobs/batch", json={"jobs": jobs}, headers={"Idempotency-Key": "night run"})

    assert (again.status_code, again.headers["Idempotent-Replay"]) == (200, "true")
    assert AcceptedBatch.model_validate_json(again.data) == first
    assert (len(all_jobs()), publisher.hints) == (3, [Hint(ADMIT)])


@pytest.mark.parametrize("changed", [[BODY], [BODY, BODY, BODY], [BODY, {**BODY, "label": "x"}]])
def test_the_same_key_with_another_batch_is_a_conflict(api, post, refused, all_jobs, changed):
    post(BODY, BODY, key="night run")

    headers = {"Idempotency-Key": "night run"}
    refused(api.post("/jobs/batch", json={"jobs": changed}, headers=headers), 409)

    assert len(all_jobs()) == 2


def test_a_batchs_key_is_one_owners_own_and_is_free_once_the_batch_is_gone(
    api, post, client_of, all_jobs, publisher
):
    first = post(BODY, key="night run")
    theirs = client_of("others").post(
        "/jobs/batch", json={"jobs": [BODY]}, headers={"Idempotency-Key": "night run"}
    )
    assert theirs.status_code == 202
    [job] = first.jobs
    api.post(f"/jobs/{job.id}/cancel")
    assert api.delete(f"/jobs/{job.id}").status_code == 204
    assert api.get(f"/batches/{first.batch_id}").status_code == 404

    again = post(BODY, key="night run")

    assert publisher.hints.count(Hint(PURGE_EXPIRED)) == 1
    assert again.jobs != first.jobs


def test_of_a_batch_of_which_a_job_was_deleted_the_rest_is_shown(api, post, show):
    first = post(BODY, {**BODY, "label": "b"}, key="night run")
    gone, left = first.jobs
    api.post(f"/jobs/{gone.id}/cancel")
    api.delete(f"/jobs/{gone.id}")

    again = post(BODY, {**BODY, "label": "b"}, key="night run")

    assert [job.id for job in again.jobs] == [left.id]
    shown = show(first.batch_id)
    assert (shown.total, sum(dict(shown.counts).values())) == (2, 1)


def test_a_batch_is_counted_by_status_and_shown_to_its_owner_only(
    api, admin, client_of, post, show, refused, database
):
    told = post(*[BODY] * 4, label="fog")
    with database.begin() as session:
        move(session, told.jobs[0].id, "submitting", cause="task")
        move(session, told.jobs[1].id, "failed", cause="task")

    counts = show(told.batch_id).counts
    assert (counts.queued, counts.submitting, counts.failed, counts.succeeded) == (2, 1, 1, 0)
    assert admin.get(f"/batches/{told.batch_id}").json["label"] == "fog"
    refused(client_of("others").get(f"/batches/{told.batch_id}"), 404)
    found = api.get(f"/jobs?batch={told.batch_id}&status=queued").json["items"]
    assert [job["id"] for job in found] == [str(job.id) for job in told.jobs[:1:-1]]
    assert {job["batch_id"] for job in found} == {str(told.batch_id)}
    assert Job.model_validate(api.get(f"/jobs/{told.jobs[0].id}").json).batch_id == told.batch_id


def test_one_key_sent_fifty_times_at_once_makes_one_job(app, new_key, all_jobs):
    headers = {"X-API-Key": new_key(), "Idempotency-Key": "once"}

    def send(_):
        return app.test_client().post("/jobs", json=BODY, headers=headers)

    with ThreadPoolExecutor(8) as pool:  # as many as have a connection, and some that wait
        answers = list(pool.map(send, range(50)))

    [job] = all_jobs()
    assert {answer.json["id"] for answer in answers} == {str(job.id)}
    assert sorted(answer.status_code for answer in answers) == [200] * 49 + [202]


def test_one_batch_sent_ten_times_at_once_is_one_batch(app, new_key, all_jobs):
    headers = {"X-API-Key": new_key(), "Idempotency-Key": "once"}
    jobs = [{**BODY, "label": str(n)} for n in range(5)]

    def send(_):
        return app.test_client().post("/jobs/batch", json={"jobs": jobs}, headers=headers)

    with ThreadPoolExecutor(5) as pool:
        answers = list(pool.map(send, range(10)))

    assert len({answer.text for answer in answers}) == 1
    assert len(all_jobs()) == 5


def test_batches_that_share_keys_and_come_at_once_share_those_jobs(app, new_key, all_jobs):
    headers = {"X-API-Key": new_key()}
    jobs = [{**BODY, "idempotency_key": str(n)} for n in range(20)]

    def send(_):
        return app.test_client().post("/jobs/batch", json={"jobs": jobs}, headers=headers)

    with ThreadPoolExecutor(5) as pool:
        answers = list(pool.map(send, range(5)))

    assert {answer.status_code for answer in answers} == {202}
    assert len({json.dumps([job["id"] for job in a.json["jobs"]]) for a in answers}) == 1
    assert len(all_jobs()) == 20
