"""Replicate's API under /v1, on the whole system: files in inputs, and what is passed through."""

import os

import httpx


def test_an_input_file_reaches_the_model_that_a_prediction_names(system):
    content = os.urandom(100_000)
    v1 = f"{system.run['api_url']}/v1"
    metadata = {"metadata": '{"of": "a test"}'}
    file = system.api.post("/v1/files", data=metadata, files={"content": content}).json()
    assert file["urls"]["get"].startswith(f"{v1}/files/")

    made = system.api.post(
        "/v1/predictions",
        json={"version": "emulator/echo", "input": {"image": file["urls"]["get"]}},
        headers={"Prefer": "wait=30"},
    ).json()

    assert made["status"] == "succeeded", made
    assert made["input"] == {"image": file["urls"]["get"]}
    received = made["output"]["image"]
    assert httpx.get(received).content == content
    assert system.api.get(file["urls"]["get"]).json() == file


def test_models_and_the_rest_are_replicates_own_and_lead_here(system):
    replicate = system.run["replicate_url"]
    api = system.api

    model = api.get("/v1/models/black-forest-labs/flux-schnell").raise_for_status().json()
    collection = api.get("/v1/collections/text-to-image").raise_for_status()
    found = api.request("QUERY", "/v1/models", content="music").raise_for_status().json()
    examples = api.get("/v1/models/stability-ai/sdxl/examples").raise_for_status()

    assert model["latest_version"]["openapi_schema"]
    assert [each["name"] for each in found["results"]] == ["musicgen"]
    assert f"{system.run['api_url']}/v1/predictions/" in examples.text
    assert f"{replicate}/v1/" not in examples.text + collection.text
    assert api.get("/v1/models/none/there").status_code == 404
    assert api.get("/v1/account").json()["username"]
