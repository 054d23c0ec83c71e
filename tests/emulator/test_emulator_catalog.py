"""What is there beside predictions: models, deployments, collections, a search, trainings."""

import pytest

MINE = {"owner": "local", "name": "mine", "visibility": "private", "hardware": "cpu"}
SDXL = "stability-ai/sdxl"


def names(models: list[dict]) -> set[str]:
    return {f"{model['owner']}/{model['name']}" for model in models}


def train(replicate, **values):
    route = f"/v1/models/{SDXL}/versions/{replicate.versions[SDXL]}/trainings"
    return replicate.post(route, json={"destination": "local/mine", "input": values})


def test_a_collection_has_its_models(replicate):
    listed = replicate.get("/v1/collections").json()["results"]
    found = replicate.get("/v1/collections/text-to-image").json()

    assert "text-to-image" in [item["slug"] for item in listed]
    assert names(found["models"]) == {"black-forest-labs/flux-schnell", SDXL}
    assert replicate.get("/v1/collections/none").status_code == 404


def test_the_search_asks_for_no_token_and_finds_what_has_all_the_words(replicate, web):
    def search(**query):
        return web.get(f"{replicate.url}/v1/search", params=query)

    found = search(query="Pictures TEXT fast").json()

    assert names([item["model"] for item in found["models"]]) == {"black-forest-labs/flux-schnell"}
    assert found["models"][0]["metadata"]["tags"] == ["text-to-image"]
    assert len(search(query="text", limit=1).json()["models"]) == 1
    assert [item["slug"] for item in search(query="music").json()["collections"]] == [
        "ai-music-generation"
    ]
    assert search().json() == {"detail": 'Query parameter "query" is required'}
    assert search(query="a", limit=51).status_code == 400


@pytest.mark.parametrize("text", ["music", '"music"'])
def test_models_are_found_by_the_method_query(replicate, text):
    found = replicate.request("QUERY", "/v1/models", content=text).json()["results"]

    assert names(found) == {"meta/musicgen"}
    assert replicate.stats()["requests"]["QUERY /v1/models 200"] == 1


def test_an_example_is_a_prediction_with_files_and_a_stream_that_stay(replicate, web):
    example = replicate.get(f"/v1/models/{SDXL}/examples").json()["results"][0]

    assert replicate.prediction(example["id"]) == example
    assert web.get(example["output"][0]).status_code == 200
    assert web.get(example["urls"]["stream"]).text.endswith("data: {}\n\n")
    assert replicate.listed() == []


def test_a_made_model_is_shown_changed_and_deleted(replicate):
    made = replicate.post("/v1/models", json=MINE | {"github_url": "https://example.com/a"})
    change = {"readme": "# Mine", "paper_url": "https://example.com/b"}
    changed = replicate.patch("/v1/models/local/mine", json=change)

    assert (made.status_code, made.json()["latest_version"]) == (201, None)
    assert changed.json() == made.json() | {"paper_url": "https://example.com/b"}
    assert replicate.get("/v1/models/local/mine").json() == changed.json()
    assert replicate.get("/v1/models/local/mine/readme").text == "# Mine"
    assert replicate.get("/v1/models/local/mine/versions").json()["results"] == []
    assert "local/mine" not in names(replicate.get("/v1/models").json()["results"])
    assert replicate.delete("/v1/models/local/mine").status_code == 204
    assert replicate.get("/v1/models/local/mine").status_code == 404


def test_a_made_model_outlives_a_change_of_the_settings_and_no_reset(replicate):
    replicate.post("/v1/models", json=MINE)

    replicate.configure(models={SDXL: {"release": 2}})
    kept = replicate.get("/v1/models/local/mine").status_code
    replicate.post("/_emulator/reset")

    assert kept == 200
    assert replicate.get("/v1/models/local/mine").status_code == 404


def test_only_models_of_ones_own_are_made_changed_and_deleted(replicate):
    others = MINE | {"owner": "meta"}
    replicate.post("/v1/models", json=MINE | {"visibility": "public"})

    assert replicate.post("/v1/models", json=others).status_code == 403
    assert replicate.patch(f"/v1/models/{SDXL}", json={}).status_code == 403
    assert replicate.delete(f"/v1/models/{SDXL}").status_code == 403
    assert replicate.delete("/v1/models/local/mine").status_code == 403
    assert replicate.post("/v1/models", json=MINE).status_code == 409
    assert replicate.post("/v1/models", json={"owner": "local"}).status_code == 422


def test_a_made_deployment_runs_its_model_and_counts_its_releases(replicate):
    new = {
        "name": "mine",
        "model": SDXL,
        "version": replicate.versions[SDXL],
        "hardware": "cpu",
        "min_instances": 0,
        "max_instances": 3,
    }
    route = "/v1/deployments/local/mine"

    made = replicate.post("/v1/deployments", json=new)
    run = replicate.post(f"{route}/predictions", json={"input": {"prompt": "a"}})
    changed = replicate.patch(route, json={"min_instances": 1}).json()["current_release"]

    assert made.json()["current_release"]["configuration"]["max_instances"] == 3
    assert (run.json()["model"], run.json()["deployment"]) == (SDXL, "mine")
    assert (changed["number"], changed["configuration"]["min_instances"]) == (2, 1)
    assert replicate.post("/v1/deployments", json=new).status_code == 409
    assert replicate.post("/v1/deployments", json=new | {"version": "0"}).status_code == 422
    assert replicate.patch(route, json={"version": "0"}).status_code == 422
    assert replicate.delete(route).status_code == 204
    assert replicate.get(route).status_code == 404


def test_a_training_ends_by_the_clock(replicate, eventually):
    replicate.post("/v1/models", json=MINE)
    made = train(replicate, _seconds=0.1, data="https://example.com/a.zip").json()
    failing = train(replicate, _seconds=0, _error="no data").json()

    def ended(training):
        return eventually(
            lambda: (
                (found := replicate.get(training["urls"]["get"]).json()).get("completed_at")
                and found
            )
        )

    assert made["status"] in ("starting", "processing")
    assert ended(made)["output"]["version"].startswith("local/mine:")
    assert (ended(failing)["status"], ended(failing)["error"]) == ("failed", "no data")


def test_a_training_is_canceled_once_and_billed_never(replicate):
    replicate.post("/v1/models", json=MINE)
    made = train(replicate, _queue_seconds=60).json()

    canceled = replicate.post(made["urls"]["cancel"]).json()

    assert canceled["status"] == "canceled"
    assert "started_at" not in canceled
    assert replicate.post(made["urls"]["cancel"]).json() == canceled
    assert replicate.stats()["creates"]["total"] == 0


def test_a_training_needs_a_destination_that_is_there(replicate):
    assert train(replicate).json() == {
        "detail": "The specified training destination does not exist",
        "status": 404,
    }


def test_trainings_are_listed_by_pages_newest_first(replicate):
    replicate.post("/v1/models", json=MINE)
    made = [train(replicate, _seconds=0).json()["id"] for _ in range(101)]

    first = replicate.get("/v1/trainings").json()
    second = replicate.get(first["next"]).json()
    back = replicate.get(second["previous"]).json()

    assert first["next"].startswith(f"{replicate.url}/v1/trainings?cursor=")
    assert [item["id"] for item in (*first["results"], *second["results"])] == made[::-1]
    assert [item["id"] for item in back["results"]] == made[:0:-1]
    assert replicate.get("/v1/trainings?cursor=x").status_code == 400
