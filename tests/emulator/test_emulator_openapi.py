"""Answers, held against the OpenAPI document Replicate publishes, where a copy of it is present."""

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

DOCUMENT = Path(__file__).parents[2].parent / "shared/reference/replicate-openapi.json"

pytestmark = pytest.mark.skipif(not DOCUMENT.exists(), reason="no copy of Replicate's OpenAPI file")


def readable(schema):
    """The schema as JSON Schema 2020-12 can use it.

    The document still says `nullable`, and its `oneOf` for a version has two branches that both
    take "hidden".
    """
    if isinstance(schema, list):
        return [readable(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    changed = {key: readable(value) for key, value in schema.items()}
    if changed.pop("nullable", False) and "type" in changed:
        changed["type"] = [changed["type"], "null"]
    if "oneOf" in changed:
        changed["anyOf"] = changed.pop("oneOf")
    return changed


@pytest.fixture(scope="module")
def fits():
    """Asserts that an answer is one the document describes for its operation."""
    document = readable(json.loads(DOCUMENT.read_text()))

    def check(method: str, path: str, response) -> None:
        described = document["paths"][path][method]["responses"][str(response.status_code)]
        if "content" not in described:
            assert response.content == b""
            return
        kind = response.headers["content-type"].split(";")[0]
        schema = {**described["content"][kind]["schema"], "components": document["components"]}
        Draft202012Validator(schema).validate(
            response.text if kind == "text/plain" else response.json()
        )

    return check


@pytest.mark.parametrize(
    ("model", "values"),
    [
        ("black-forest-labs/flux-schnell", {"prompt": "a"}),
        ("meta/meta-llama-3-8b-instruct", {"prompt": "a"}),
        ("emulator/report", {"prompt": "a"}),
        ("emulator/echo", {"value": None}),
        ("emulator/fail", {}),
    ],
)
def test_a_prediction_fits_when_created_read_listed_and_canceled(replicate, fits, model, values):
    created = replicate.post_prediction(model, input=values)
    route = f"/v1/predictions/{created.json()['id']}"

    fits("post", "/predictions", created)
    fits("get", "/predictions/{prediction_id}", replicate.get(route))
    fits("post", "/predictions/{prediction_id}/cancel", replicate.post(f"{route}/cancel"))
    replicate.run(model, values)
    fits("get", "/predictions", replicate.get("/v1/predictions"))


def test_a_removed_prediction_fits(replicate, fits):
    replicate.post("/_emulator/history", json={"count": 1, "span_seconds": 7200})

    response = replicate.get("/v1/predictions")

    assert response.json()["results"][0]["data_removed"] is True
    fits("get", "/predictions", response)


def test_creates_by_model_and_deployment_and_with_headers_fit(replicate, fits):
    body = {"input": {"prompt": "a"}}
    headers = {"Prefer": "wait=5", "Cancel-After": "1m"}
    by_model = replicate.post(
        "/v1/models/black-forest-labs/flux-schnell/predictions", json=body, headers=headers
    )
    by_deployment = replicate.post("/v1/deployments/local/fast-pictures/predictions", json=body)

    fits("post", "/models/{model_owner}/{model_name}/predictions", by_model)
    fits("post", "/deployments/{deployment_owner}/{deployment_name}/predictions", by_deployment)


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/account", "/v1/account"),
        ("/hardware", "/v1/hardware"),
        ("/webhooks/default/secret", "/v1/webhooks/default/secret"),
        ("/models", "/v1/models"),
        ("/models/{model_owner}/{model_name}", "/v1/models/stability-ai/sdxl"),
        ("/models/{model_owner}/{model_name}/versions", "/v1/models/meta/musicgen/versions"),
        ("/deployments", "/v1/deployments"),
        (
            "/deployments/{deployment_owner}/{deployment_name}",
            "/v1/deployments/local/fast-pictures",
        ),
        ("/files", "/v1/files"),
        ("/collections", "/v1/collections"),
        ("/collections/{collection_slug}", "/v1/collections/text-to-image"),
        ("/search", "/v1/search?query=pictures"),
        ("/search", "/v1/search"),
        ("/models/{model_owner}/{model_name}/examples", "/v1/models/meta/musicgen/examples"),
        ("/trainings", "/v1/trainings"),
    ],
)
def test_what_can_be_read_fits(replicate, fits, path, route):
    fits("get", path, replicate.get(route))


def test_a_version_fits(replicate, fits):
    version = replicate.versions["stability-ai/sdxl"]

    response = replicate.get(f"/v1/models/stability-ai/sdxl/versions/{version}")

    fits("get", "/models/{model_owner}/{model_name}/versions/{version_id}", response)
    Draft202012Validator.check_schema(response.json()["openapi_schema"]["components"]["schemas"])


def test_uploads_fit(replicate, fits):
    made = replicate.post("/v1/files", files={"content": ("a.bin", b"abc")})

    fits("post", "/files", made)
    fits("get", "/files/{file_id}", replicate.get(f"/v1/files/{made.json()['id']}"))
    fits("get", "/files/{file_id}", replicate.get("/v1/files/none"))


def test_a_readme_and_a_query_fit(replicate, fits):
    readme = replicate.get("/v1/models/stability-ai/sdxl/readme")
    found = replicate.request("QUERY", "/v1/models", content="pictures")

    fits("get", "/models/{model_owner}/{model_name}/readme", readme)
    fits("query", "/models", found)


def test_a_model_fits_when_made_changed_and_deleted(replicate, fits):
    new = {"owner": "local", "name": "mine", "visibility": "private", "hardware": "cpu"}
    path, route = "/models/{model_owner}/{model_name}", "/v1/models/local/mine"

    fits("post", "/models", replicate.post("/v1/models", json=new))
    fits("get", path, replicate.get(route))
    fits("patch", path, replicate.patch(route, json={"description": "of mine"}))
    fits("delete", path, replicate.delete(route))


def test_a_deployment_fits_when_made_changed_and_deleted(replicate, fits):
    new = {
        "name": "mine",
        "model": "stability-ai/sdxl",
        "version": replicate.versions["stability-ai/sdxl"],
        "hardware": "cpu",
        "min_instances": 0,
        "max_instances": 1,
    }
    path, route = "/deployments/{deployment_owner}/{deployment_name}", "/v1/deployments/local/mine"

    fits("post", "/deployments", replicate.post("/v1/deployments", json=new))
    fits("patch", path, replicate.patch(route, json={"max_instances": 2}))
    fits("delete", path, replicate.delete(route))


@pytest.mark.parametrize("values", [{}, {"_fail": True}, {"_queue_seconds": 60}])
def test_a_training_fits_from_its_begin_to_its_end(replicate, fits, values):
    version = replicate.versions["stability-ai/sdxl"]
    route = f"/v1/models/stability-ai/sdxl/versions/{version}/trainings"
    body = {"destination": "stability-ai/sdxl", "input": {"_seconds": 0, **values}}

    made = replicate.post(route, json=body)
    address = f"/v1/trainings/{made.json()['id']}"

    fits("post", "/models/{model_owner}/{model_name}/versions/{version_id}/trainings", made)
    fits("post", "/trainings/{training_id}/cancel", replicate.post(f"{address}/cancel"))
    fits("get", "/trainings/{training_id}", replicate.get(address))
    fits("get", "/trainings", replicate.get("/v1/trainings"))
