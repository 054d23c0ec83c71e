"""Predictions under /v1: jobs in Replicate's own shape, for clients that know no other."""

import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert

from api.answer_schemas_v1 import Prediction, PredictionPage
from fixative.jobs.short_ids import read_id, short_id
from fixative.postgres.tables import Job

FLUX = "black-forest-labs/flux-schnell"
CREATE = f"/v1/models/{FLUX}/predictions"
INPUT = {"input": {"prompt": "a cat"}}
HEX = "a" * 64


@pytest.fixture
def create(api):
    """Make a prediction; the answer."""

    def made(path=CREATE, *, by=api, headers=None, **body):
        return by.post(path, json={**INPUT, **body}, headers=headers)

    return made


@pytest.fixture
def read_row(database):
    """The job's row behind a prediction."""

    def read(id_):
        with database.begin() as session:
            return session.get_one(Job, read_id(id_))

    return read


@pytest.fixture
def refused_as_replicate_does():
    """Read an error: this status, in the shape that Replicate's have."""

    def read(answer, status):
        assert answer.status_code == status, answer.text
        assert answer.content_type == "application/problem+json"
        told = answer.json
        assert told["status"] == status
        assert told.keys() <= {"title", "detail", "status", "invalid_fields"}
        return told

    return read


@pytest.mark.parametrize(
    ("path", "body", "model", "version"),
    [
        ("/v1/predictions", {"version": FLUX}, FLUX, "hidden"),
        ("/v1/predictions", {"version": f"stability-ai/sdxl:{HEX}"}, "stability-ai/sdxl", HEX),
        ("/v1/predictions", {"version": HEX}, "", HEX),
        (CREATE, {}, FLUX, "hidden"),
        ("/v1/deployments/local/fast-pictures/predictions", {}, "", "hidden"),
    ],
)
def test_each_of_the_three_ways_makes_a_job(api, create, read_row, path, body, model, version):
    answer = create(path, **body)

    assert answer.status_code == 201, answer.text
    made = Prediction.model_validate_json(answer.data)
    assert (made.status, made.output, made.error, made.logs) == ("starting", None, None, "")
    assert (made.model, made.version, made.input) == (model, version, INPUT["input"])
    assert "source" not in answer.json
    assert read_row(made.id).source == "v1"
    assert api.get(f"/v1/predictions/{made.id}").json == {**answer.json, "source": "api"}
    asked = api.get(f"/jobs/{read_id(made.id)}").json["deployment"]
    assert made.deployment == (asked and asked.rpartition("/")[2])


def test_an_id_stays_and_replicates_own_is_taken_for_it(api, create, told):
    id_ = create().json["id"]
    told(read_id(id_), "submitting", "processing", prediction_id="q5wzgy5k6hrmc0cz8e7s3bqf0r")

    shown = api.get("/v1/predictions/q5wzgy5k6hrmc0cz8e7s3bqf0r").json

    assert (shown["id"], shown["status"]) == (id_, "processing")
    assert api.get(f"/v1/predictions/{read_id(id_)}").json == shown
    assert api.post("/v1/predictions/q5wzgy5k6hrmc0cz8e7s3bqf0r/cancel").json["id"] == id_


def test_every_address_in_an_answer_leads_back_here(create):
    made = create().json

    urls = made["urls"]
    here = f"http://localhost/v1/predictions/{made['id']}"
    assert (urls["get"], urls["cancel"]) == (here, f"{here}/cancel")
    assert urls["stream"].startswith(f"{here}/stream?sig=")
    assert urls["web"] == f"http://localhost/ui/jobs/{read_id(made['id'])}"


def test_a_stream_of_files_has_an_address_that_says_so(api, create, told, stranger):
    id_ = create().json["id"]
    at_replicate = {"stream": "https://stream.replicate.com/v1/files/bcwr-3okd"}
    told(read_id(id_), "submitting", "storing", "succeeded", urls=at_replicate, output=["x"])

    link = api.get(f"/v1/predictions/{id_}").json["urls"]["stream"]

    assert link.startswith(f"http://localhost/v1/files/{id_}/stream?sig=")
    assert "data: x\n" in stranger.get(link.removeprefix("http://localhost")).text


def test_it_has_ended_once_its_files_are_stored_and_not_before(api, create, told):
    id_ = create().json["id"]
    url = "https://replicate.delivery/a.png"
    logs = {"logs": "done", "metrics": {"predict_time": 1.5}, "model": FLUX, "version": "hidden"}
    told(read_id(id_), "submitting", "storing", output=[url], data_removed=True, **logs)

    storing = api.get(f"/v1/predictions/{id_}").json
    told(read_id(id_), "succeeded")
    ended = api.get(f"/v1/predictions/{id_}").json

    assert (storing["status"], storing["output"]) == ("processing", None)
    assert storing.keys().isdisjoint({"completed_at", "metrics"})
    assert (ended["status"], ended["logs"]) == ("succeeded", "done")
    assert ended["metrics"] == {"predict_time": 1.5}
    assert ended["data_removed"] is False  # we have it


def test_what_was_aborted_is_canceled_and_says_so(api, create, told):
    id_ = create().json["id"]
    error = {"code": "aborted", "message": "it never began", "retryable": False, "details": None}
    told(read_id(id_), "submitting", "canceled", error=error)

    shown = api.get(f"/v1/predictions/{id_}").json

    assert (shown["status"], shown["error"]) == ("canceled", "it never began")


def test_what_was_canceled_on_request_has_no_error(api, create):
    id_ = create().json["id"]

    canceled = api.post(f"/v1/predictions/{id_}/cancel")
    again = api.post(f"/v1/predictions/{id_}/cancel")

    assert (canceled.status_code, canceled.json["status"]) == (200, "canceled")
    assert (again.status_code, again.json["error"]) == (200, None)


def test_who_waits_is_told_at_the_end_or_in_the_end_that_it_only_starts(
    create, told, all_jobs, eventually
):
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(create, headers={"Prefer": "wait"})
        [job] = eventually(all_jobs)
        told(job.id, "submitting", "starting", "processing", "storing", "succeeded")
        in_time = waiting.result()
    late = create(headers={"Prefer": "wait=1"})

    assert (late.status_code, late.json["status"]) == (202, "starting")
    assert late.headers["Preference-Applied"] == "wait=1"
    assert (in_time.status_code, in_time.json["status"]) == (201, "succeeded")
    assert in_time.headers["Preference-Applied"] == "wait"
    assert in_time.headers["Location"] == in_time.json["urls"]["get"]


def test_a_key_that_was_used_is_the_same_prediction_and_for_another_body_a_conflict(
    create, refused_as_replicate_does
):
    key = {"Idempotency-Key": "a"}

    first, again = create(headers=key), create(headers=key)

    assert first.json["id"] == again.json["id"]
    refused_as_replicate_does(create(headers=key, input={"prompt": "a dog"}), 409)


def test_what_a_client_repeats_within_a_minute_is_the_same_prediction(create, client_of):
    again = {"x-stainless-retry-count": "1"}
    first = create(headers={"x-stainless-retry-count": "0"}).json["id"]

    assert create(headers=again).json["id"] == first
    assert create(headers={"x-stainless-retry-count": "0"}).json["id"] != first
    assert create(headers=again, input={"prompt": "a dog"}).json["id"] != first
    assert create(headers=again, by=client_of("others")).json["id"] != first


def test_what_is_older_than_a_minute_is_not_repeated(create, database):
    recent = create().json["id"]
    with database.begin() as session:
        job = session.get_one(Job, read_id(recent))
        older = uuid.UUID(int=job.id.int - (61_000 << 80))
        same = ("owner_id", "api_key_id", "request_hash", "status", "job_type", "input")
        session.add(Job(id=older, **{name: getattr(job, name) for name in same}))
        job.request_hash = None

    made = create(headers={"x-stainless-retry-count": "1"}).json["id"]

    assert made not in {recent, short_id(older)}


def test_a_deadline_is_read_in_every_form_and_shown(create, read_row):
    for text, seconds in (("30", 30), ("90s", 90), ("5m", 300), ("1h30m45s", 5445)):
        made = create(headers={"Cancel-After": text}).json

        assert read_row(made["id"]).cancel_after == seconds
        passes = Prediction.model_validate(made)
        assert passes.deadline - passes.created_at == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("path", "body", "headers", "field"),
    [
        (CREATE, {"input": None}, {}, "input"),
        (CREATE, {"version": HEX}, {}, "version"),
        (CREATE, {"webhook": "ftp://x"}, {}, "webhook"),
        (CREATE, {"webhook": "https://x.example", "webhook_events_filter": ["end"]}, {}, None),
        (CREATE, {}, {"Cancel-After": "4s"}, "Cancel-After"),
        (CREATE, {}, {"Cancel-After": "soon"}, "Cancel-After"),
        ("/v1/predictions", {}, {}, "version"),
    ],
)
def test_what_does_not_fit_is_named(create, refused_as_replicate_does, path, body, headers, field):
    told = refused_as_replicate_does(create(path, headers=headers, **body), 422)

    assert told["title"] == "Input validation failed"
    [place] = told["invalid_fields"]
    assert field is None or place["field"] == field or place["description"].startswith(field)
    assert place["description"] in told["detail"]


@pytest.mark.parametrize("kind", ["models", "deployments"])
@pytest.mark.parametrize("name", ["a%1Cb", "a%3Fb=1", "..", "%C3%B2"])
def test_what_can_be_no_name_is_404_and_never_asked_of_replicate(
    create, refused_as_replicate_does, kind, name
):
    refused_as_replicate_does(create(f"/v1/{kind}/owner/{name}/predictions"), 404)


def test_errors_are_in_replicates_words(api, stranger, refused_as_replicate_does):
    nobody = refused_as_replicate_does(stranger.get("/v1/predictions"), 401)
    nothing = refused_as_replicate_does(api.get("/v1/predictions/nothing"), 404)
    malformed = api.post(CREATE, data="{", content_type="application/json")

    assert nobody["detail"] == "You did not pass a valid authentication token"
    assert nothing["detail"] == "The requested resource could not be found."
    refused_as_replicate_does(malformed, 400)


def test_a_list_pages_to_the_oldest_and_back(api, client_of, database, create):
    first = create().json["id"]
    create(by=client_of("others"))
    with database.begin() as session:
        row = session.get_one(Job, read_id(first))
        copied = {"owner_id": row.owner_id, "status": "queued", "job_type": "image", "input": {}}
        newer = [
            {**copied, "id": uuid.UUID(int=row.id.int + (number << 80))} for number in range(1, 250)
        ]
        session.execute(insert(Job), newer)
    ids = [*(short_id(row["id"]) for row in reversed(newer)), first]

    def page(url):
        assert url.startswith("http://localhost/v1/predictions?")
        return PredictionPage.model_validate_json(api.get(url).data)

    pages = [PredictionPage.model_validate_json(api.get("/v1/predictions").data)]
    while pages[-1].next:
        pages.append(page(pages[-1].next))
    back = page(pages[-1].previous)

    assert [item.id for each in pages for item in each.results] == ids
    assert [len(each.results) for each in pages] == [100, 100, 50]
    assert pages[0].previous is None
    assert [item.id for item in back.results] == ids[100:200]
    assert (page(back.next).results, page(back.previous).previous) == (pages[-1].results, None)


def test_a_list_is_bounded_by_time_and_keeps_its_bounds_across_pages(api, create):
    made = [create().json for _ in range(3)]
    at = made[1]["created_at"]

    def ids(**query):
        return [
            item["id"] for item in api.get("/v1/predictions", query_string=query).json["results"]
        ]

    assert ids(created_after=at) == [made[2]["id"], made[1]["id"]]  # inclusive
    assert ids(created_before=at) == [made[0]["id"]]  # exclusive
    assert ids(created_after=(datetime.now(UTC) + timedelta(days=1)).isoformat()) == []
    assert ids(source="web") == []


def test_a_webhook_is_told_in_replicates_format_of_what_the_filter_names(create, read_row):
    url = {"webhook": "https://hooks.example.com/x"}
    ends = ["succeeded", "failed", "canceled"]
    for asked, told in (
        (None, ends),
        (["start", "completed"], ["processing", *ends]),
        (["output"], ["succeeded"]),
        (["logs", "output"], ends),
    ):
        answer = create(**url, webhook_events_filter=asked)

        row = read_row(answer.json["id"])
        assert (row.webhook, row.webhook_format) == (url["webhook"], "replicate")
        assert sorted(row.webhook_events) == sorted(told)
        assert answer.json["webhook"] == url["webhook"]

    assert read_row(create(**url, webhook_events_filter=[]).json["id"]).webhook is None
    assert read_row(create(webhook_completed=url["webhook"]).json["id"]).webhook == url["webhook"]


def test_the_secret_that_signs_is_the_owners(api):
    secret = api.get("/v1/webhooks/default/secret").json

    assert secret == api.get("/webhooks/default/secret").json
    assert secret["key"].startswith("whsec_")


def test_what_has_ended_is_streamed_from_what_is_stored_and_on_from_where_it_broke(
    api, stranger, create, told
):
    made = create().json
    tokens = ["Once\n", "upon", " a time"]
    told(read_id(made["id"]), "submitting", "storing", "succeeded", output=tokens)
    link = made["urls"]["stream"].removeprefix("http://localhost")

    def events(**headers):
        answer = stranger.get(link, headers=headers)
        assert (answer.status_code, answer.mimetype) == (200, "text/event-stream")
        return [block.split("\n") for block in answer.text.removesuffix("\n\n").split("\n\n")]

    whole = [
        ["id: 5", "event: output", "data: Once", "data: "],
        ["id: 9", "event: output", "data: upon"],
        ["id: 16", "event: output", "data:  a time"],
        ["id: 16", "event: done", "data: {}"],
    ]
    assert events() == whole
    assert events(**{"Last-Event-ID": "5"}) == whole[1:]
    assert events(**{"Last-Event-ID": "7"})[0] == ["id: 9", "event: output", "data: on"]
    assert api.get(f"/v1/predictions/{made['id']}/stream").status_code == 200
    assert stranger.get(link[:-1]).status_code == 401


def test_the_stream_of_what_failed_ends_with_its_error(api, create, told):
    id_ = create().json["id"]
    error = {"code": "model_error", "message": "no paint", "retryable": False, "details": None}
    told(read_id(id_), "submitting", "failed", error=error)

    text = api.get(f"/v1/predictions/{id_}/stream").text

    assert text == (
        'id: 0\nevent: error\ndata: {"detail":"no paint"}\n\n'
        'id: 0\nevent: done\ndata: {"reason":"error"}\n\n'
    )
    assert json.loads(text.split("data: ")[1].split("\n")[0])["detail"] == "no paint"
