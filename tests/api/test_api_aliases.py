"""Requests as other services of this kind document them, answered in their shapes."""

import json
import uuid

import pytest

from api.answer_schemas_aliases import AsyncJob, MediaAccepted, MediaStatus
from api.answer_schemas_v1 import Prediction
from fixative.jobs.short_ids import read_id, short_id
from tests.catalog.test_registry import DOCUMENT


@pytest.fixture
def client(new_app, services, new_key):
    """A client of an API with the registry that such a service documents."""
    app = new_app(services.settings.model_copy(update={"models_config": json.dumps(DOCUMENT)}))
    client = app.test_client()
    client.environ_base["HTTP_X_API_KEY"] = new_key("aliases", "submit", "read")
    return client


def test_media_is_generated_and_asked_about_as_documented(client, told):
    asked = {"mediaType": "image", "modelId": "flux-schnell", "params": {"prompt": "a cat"}}

    answer = client.post("/generate-media", json={**asked, "userId": "user-1"})

    accepted = MediaAccepted.model_validate_json(answer.data)
    assert (answer.status_code, accepted.status, accepted.estimatedTime) == (202, "pending", 5)
    job = client.get(f"/jobs/{accepted.jobId}").json
    assert (job["model"], job["job_type"]) == ("black-forest-labs/flux-schnell", "image")
    assert (job["input"], job["metadata"]) == (asked["params"], {"userId": "user-1"})
    status = MediaStatus.model_validate_json(client.get(f"/status/{accepted.jobId}").data)
    shown = (status.status, status.mediaUrls, status.output, status.error)
    assert shown == ("pending", [], None, None)
    told(accepted.jobId, "submitting", "processing", logs=" 10%|#\n 45.5% of 100 steps")
    assert client.get(f"/status/{accepted.jobId}").json["status"] == "processing"
    assert client.get(f"/status/{accepted.jobId}").json["progress"] == 45.5


def test_without_a_percentage_in_the_logs_progress_is_absent(client, told):
    asked = {"mediaType": "image", "modelId": "flux-schnell", "params": {}}
    job_id = client.post("/generate-media", json=asked).json["jobId"]
    told(job_id, "submitting", "processing", logs="1250% is no progress, and 300% neither")

    assert "progress" not in client.get(f"/status/{job_id}").json


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"mediaType": "text"}, "mediaType"),
        ({"modelId": "a b"}, "modelId"),
        ({"params": []}, "params"),
        ({"seed": 1}, "seed"),
    ],
)
def test_a_media_request_that_does_not_fit_names_the_field(client, refused, change, place):
    asked = {"mediaType": "image", "modelId": "flux-schnell", "params": {}, **change}

    answer = client.post("/generate-media", json=asked)

    refused(answer, 422)
    assert [error["loc"][0] for error in answer.json["errors"]] == [place]


@pytest.mark.parametrize("label", ["video_outline", "title_generation", "script_generation"])
def test_a_text_job_of_any_label_is_shown_with_its_text_joined(client, told, label):
    asked = {"model": "google/gemini-3-pro", "input": {"prompt": "a title"}, "job_type": label}
    job_id = client.post("/jobs", json=asked).json["id"]
    waiting = AsyncJob.model_validate_json(client.get(f"/api/jobs/{job_id}").data)
    assert (waiting.type, waiting.status, waiting.prediction_id) == (label, "pending", None)

    told(job_id, "submitting", "storing", "succeeded", output=["Once ", "upon", " a time"])

    ended = AsyncJob.model_validate_json(client.get(f"/api/jobs/{job_id}").data)
    assert (ended.status, ended.output, ended.error) == ("succeeded", "Once upon a time", None)
    assert ended.prediction_id


def test_a_failed_job_tells_its_error_in_every_shape(client, told):
    asked = {"version": "black-forest-labs/flux-schnell", "input": {"prompt": "x"}}
    id_ = client.post("/", json=asked).json["id"]
    job_id = read_id(id_)
    error = {"code": "model_error", "message": "out of paint", "retryable": False, "details": None}

    told(job_id, "submitting", "failed", error=error)

    for path in (f"/status/{job_id}", f"/api/jobs/{job_id}", f"/?predictionId={id_}"):
        shown = client.get(path).json
        assert (shown["status"], shown["error"]) == ("failed", "out of paint")


@pytest.mark.parametrize(
    ("version", "model", "shown"),
    [
        ("black-forest-labs/flux-schnell", "black-forest-labs/flux-schnell", "hidden"),
        ("flux-schnell", "black-forest-labs/flux-schnell", "hidden"),
        (f"stability-ai/sdxl:{'a' * 64}", "stability-ai/sdxl", "a" * 64),
        ("b" * 64, "", "b" * 64),
    ],
)
def test_a_prediction_is_created_and_read_by_either_id(client, version, model, shown):
    answer = client.post("/", json={"version": version, "input": {"prompt": "a cat"}})

    assert answer.status_code == 201
    created = Prediction.model_validate_json(answer.data)
    assert (created.model, created.version, created.status) == (model, shown, "starting")
    assert (created.output, created.error, created.logs) == (None, None, "")
    for id_ in (created.id, str(read_id(created.id))):
        assert client.get(f"/?predictionId={id_}").json == answer.json


def test_a_prediction_is_processing_while_its_files_are_being_stored(client, told):
    id_ = client.post("/", json={"version": "flux-schnell", "input": {}}).json["id"]
    told(read_id(id_), "submitting", "storing", output=["https://replicate.delivery/a.png"])

    shown = client.get(f"/?predictionId={id_}").json

    assert (shown["status"], shown["output"]) == ("processing", None)
    assert "completed_at" not in shown


def test_an_id_that_is_none_or_anothers_is_404_and_without_a_key_401(client, api, stranger):
    id_ = client.post("/", json={"version": "flux-schnell", "input": {}}).json["id"]

    assert client.get("/?predictionId=nothing").status_code == 404
    assert client.get(f"/?predictionId={short_id(uuid.uuid4())}").status_code == 404
    assert api.get(f"/?predictionId={id_}").status_code == 404
    assert stranger.get(f"/?predictionId={id_}").status_code == 401
    assert stranger.get("/").location == "ui/"


def test_the_two_forms_of_an_id_are_the_same_id():
    for job_id in (uuid.UUID(int=0), uuid.uuid4(), uuid.UUID(int=(1 << 128) - 1)):
        assert len(short_id(job_id)) == 26
        assert read_id(short_id(job_id)) == job_id == read_id(str(job_id))
    assert read_id("z" * 26) is None
    assert read_id("u" * 26) is None
