"""How predictions are made, live, end and are found again."""

import re

import pytest


def test_a_prediction_goes_from_starting_over_processing_to_succeeded(replicate, eventually):
    replicate.configure(latency={"*": {"start": 0.1, "run": 2}})

    created = replicate.create("black-forest-labs/flux-schnell", {"prompt": "a cat"})
    seen = [created["status"]]
    eventually(
        lambda: (
            seen.append(replicate.prediction(created["id"])["status"]) or seen[-1] == "succeeded"
        )
    )

    assert list(dict.fromkeys(seen)) == ["starting", "processing", "succeeded"]


def test_what_is_not_known_yet_is_absent_and_not_null(replicate):
    created = replicate.create("emulator/echo", {"value": 1, "_queue_seconds": 60})

    assert not created.keys() & {"started_at", "completed_at", "metrics", "deadline", "source"}
    assert created["output"] is None
    assert created["error"] is None


def test_official_models_hide_their_version_and_community_models_show_it(replicate):
    official = replicate.create("black-forest-labs/flux-schnell", {"prompt": "a"})
    community = replicate.create("stability-ai/sdxl", {"prompt": "a"})

    assert official["version"] == "hidden"
    assert re.fullmatch("[0-9a-f]{64}", community["version"])


def test_an_official_model_is_run_by_its_own_route_and_a_community_model_is_not(replicate):
    body = {"input": {"prompt": "a"}}

    official = replicate.post("/v1/models/black-forest-labs/flux-schnell/predictions", json=body)
    community = replicate.post("/v1/models/stability-ai/sdxl/predictions", json=body)

    assert official.status_code == 201
    assert community.status_code == 404
    assert community.json()["detail"] == "The requested resource could not be found."


def test_a_version_is_named_in_three_ways_and_a_community_model_needs_it(replicate):
    version = replicate.versions["stability-ai/sdxl"]

    def status(reference: str) -> int:
        body = {"version": reference, "input": {"prompt": "a"}}
        return replicate.post("/v1/predictions", json=body).status_code

    assert status(version) == 201
    assert status(f"stability-ai/sdxl:{version}") == 201
    assert status("black-forest-labs/flux-schnell") == 201
    assert status("stability-ai/sdxl") == 422
    assert status("stability-ai/sdxl:latest") == 422
    assert status("f" * 64) == 422


def test_a_deployment_names_itself_in_its_predictions(replicate):
    route = "/v1/deployments/local/fast-pictures/predictions"

    created = replicate.post(route, json={"input": {"prompt": "a"}}).json()

    assert created["deployment"] == "fast-pictures"
    assert created["model"] == "black-forest-labs/flux-schnell"


def test_a_failing_model_says_why(replicate):
    failed = replicate.run("emulator/fail", {})

    assert failed["status"] == "failed"
    assert failed["output"] is None
    assert failed["error"].startswith("Prediction input failed validation:")


def test_any_model_fails_when_its_input_asks_for_it(replicate):
    failed = replicate.run("meta/musicgen", {"prompt": "a", "_error": "CUDA out of memory"})

    assert (failed["status"], failed["error"]) == ("failed", "CUDA out of memory")


def test_a_canceled_prediction_stays_canceled_and_canceling_again_is_no_error(replicate):
    created = replicate.create("emulator/sleep", {"seconds": 60})
    route = f"/v1/predictions/{created['id']}/cancel"

    first, second = replicate.post(route), replicate.post(route)

    assert first.json()["status"] == "canceled"
    assert second.status_code == 200
    assert second.json()["completed_at"] == first.json()["completed_at"]


def test_a_deadline_aborts_what_waits_and_cancels_what_runs(replicate, monkeypatch):
    monkeypatch.setattr("replicate_emulator.orders._SHORTEST_DEADLINE", 1)
    headers = {"Cancel-After": "1s"}
    waiting = replicate.create("emulator/echo", {"_queue_seconds": 60}, headers=headers)
    running = replicate.create("emulator/sleep", {"seconds": 60}, headers=headers)

    assert replicate.ended(waiting["id"])["status"] == "aborted"
    assert replicate.ended(running["id"])["status"] == "canceled"
    assert waiting["deadline"] > waiting["created_at"]


@pytest.mark.parametrize("duration", ["4", "soon", "", "-5s"])
def test_a_deadline_that_is_no_duration_or_too_short_is_refused(replicate, duration):
    response = replicate.post_prediction(
        "emulator/echo", input={}, headers={"Cancel-After": duration}
    )

    assert response.status_code == 400
    assert replicate.listed() == []


def test_prefer_wait_answers_with_the_output_while_the_status_is_still_processing(replicate):
    replicate.configure(latency={"*": {"run": 4}})

    response = replicate.post_prediction(
        "black-forest-labs/flux-schnell", input={"prompt": "a"}, headers={"Prefer": "wait=10"}
    )

    assert response.status_code == 201
    assert response.headers["preference-applied"] == "wait=10"
    assert response.headers["location"] == response.json()["urls"]["get"]
    assert response.json()["status"] == "processing"
    assert len(response.json()["output"]) == 1
    assert not response.json().keys() & {"completed_at", "metrics"}


def test_prefer_wait_gives_up_after_its_seconds(replicate):
    response = replicate.post_prediction(
        "emulator/sleep", input={"seconds": 60}, headers={"Prefer": "wait=1"}
    )

    assert response.status_code == 202
    assert response.json()["output"] is None


def test_tokens_of_text_appear_one_after_the_other(replicate, eventually):
    whole = replicate.run("meta/meta-llama-3-8b-instruct", {"prompt": "a"})["output"]
    created = replicate.create("meta/meta-llama-3-8b-instruct", {"prompt": "a", "_seconds": 2})

    some = eventually(lambda: replicate.prediction(created["id"])["output"])

    assert 0 < len(some) < len(whole)
    assert all(isinstance(token, str) for token in whole)


@pytest.mark.parametrize(
    ("body", "field", "description"),
    [
        ({"input": {}}, "input", "prompt is required"),
        (
            {"input": {"prompt": 1}},
            "input.prompt",
            "Invalid type. Expected: string, given: integer",
        ),
        (
            {"input": {"prompt": "a", "num_outputs": 5}},
            "input.num_outputs",
            "Must be less than or equal to 4",
        ),
        (
            {"input": {"prompt": "a", "_seconds": "long"}},
            "input._seconds",
            "Invalid type. Expected: number, given: string",
        ),
        ({}, "", "input is required"),
        ({"input": {"prompt": "a"}, "extra": 1}, "", "Additional property extra is not allowed"),
    ],
)
def test_a_body_that_does_not_fit_is_refused_with_the_field_that_is_wrong(
    replicate, body, field, description
):
    response = replicate.post("/v1/models/black-forest-labs/flux-schnell/predictions", json=body)

    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["title"] == "Input validation failed"
    wrong = response.json()["invalid_fields"][0]
    assert (wrong["field"], wrong["description"]) == (field, description)


def test_the_recorded_answer_to_a_missing_prompt_is_given_word_for_word(replicate):
    route = "/v1/models/black-forest-labs/flux-schnell/predictions"

    response = replicate.post(route, json={"input": {}})

    assert response.json() == {
        "detail": "- input: prompt is required\n",
        "status": 422,
        "title": "Input validation failed",
        "invalid_fields": [
            {"type": "required", "field": "input", "description": "prompt is required"}
        ],
    }


@pytest.mark.parametrize("header", ["", "Bearer", "Basic abc"])
def test_without_a_token_nothing_is_answered(replicate, header):
    response = replicate.get("/v1/predictions", headers={"Authorization": header})

    assert response.status_code == 401
    assert response.json() == {
        "title": "Unauthenticated",
        "detail": "You did not pass a valid authentication token",
        "status": 401,
    }


def test_only_configured_tokens_are_accepted(replicate):
    replicate.configure(tokens=["r8_other"])

    assert replicate.get("/v1/account").status_code == 401
    headers = {"Authorization": "Bearer r8_other"}
    assert replicate.get("/v1/account", headers=headers).status_code == 200


def test_malformed_json_is_refused(replicate):
    assert replicate.post("/v1/predictions", content=b"{").status_code == 400


def test_an_unknown_prediction_is_404(replicate):
    assert replicate.get("/v1/predictions/none").status_code == 404
    assert replicate.post("/v1/predictions/none/cancel").status_code == 404
