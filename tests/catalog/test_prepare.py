"""A submission and its model: checked before anything is paid, on the registry's terms."""

from concurrent.futures import ThreadPoolExecutor
from statistics import median
from time import perf_counter

import pytest
from pydantic import SecretStr

from api.answer_schemas import Problem
from fixative.catalog.catalog import Catalog
from fixative.catalog.live import LiveModels
from fixative.catalog.registry import Registry
from fixative.replicate.client import Replicate
from fixative.replicate.pace import Pace
from tests.catalog.conftest import FLUX

SDXL = "stability-ai/sdxl"


def places(answer):
    assert answer.status_code == 422, answer.text
    return {tuple(error.loc) for error in Problem.model_validate_json(answer.data).errors}


@pytest.mark.parametrize("way", ["model", "version", "alias"])
def test_an_input_that_does_not_fit_is_422_with_every_place_and_never_reaches_replicate(
    client_of, config, emulator, all_jobs, way
):
    version = emulator.get(f"/v1/models/{FLUX}", headers={"Authorization": "Bearer r8_x"}).json()
    pinned = f"{FLUX}:{version['latest_version']['id']}"
    target = {
        "model": {"model": FLUX},
        "version": {"version": pinned},
        "alias": {"model": "quick"},
    }[way]
    api = client_of(models_config=config(flux={"model": FLUX, "aliases": ["quick"]}))
    wrong = {"num_outputs": 9, "aspect_ratio": "7:7", "seed": "x"}

    answers = [api.post("/jobs", json={**target, "input": wrong}) for _ in range(5)]

    wanted = {("input", name) for name in ("prompt", "num_outputs", "aspect_ratio", "seed")}
    assert [places(answer) for answer in answers] == [wanted] * 5
    assert all_jobs() == []
    stats = emulator.get("/_emulator/stats").json()
    assert stats["creates"]["total"] == 0
    assert not any("predictions" in route for route in stats["requests"])


def test_a_schema_is_asked_for_once_in_an_hour(api, emulator, all_jobs):
    for _ in range(3):
        answer = api.post("/jobs", json={"model": FLUX, "input": {"prompt": "a cat"}})
        assert answer.status_code == 202

    asked = emulator.get("/_emulator/stats").json()["requests"]
    assert sum(n for route, n in asked.items() if route.startswith("GET /v1/models")) == 1
    assert [job.input for job in all_jobs()] == [{"prompt": "a cat"}] * 3


def test_a_model_that_replicate_does_not_know_is_404(api, all_jobs):
    answer = api.post("/jobs", json={"model": "no/such", "input": {}})

    assert answer.status_code == 404
    assert all_jobs() == []


def test_a_deployment_and_a_version_of_untold_model_are_taken_unchecked(api):
    for target in ({"deployment": "local/fast-pictures"}, {"version": "0" * 64}):
        assert api.post("/jobs", json={**target, "input": {"prompt": 1}}).status_code == 202


def test_an_input_may_name_files_and_carry_them(api):
    urls = ["http://localhost/files/019a3c1e-5b7d-7c3a-9f00-2d1e6a4b8c70", "data:text/plain,hi"]
    for url in urls:
        answer = api.post("/jobs", json={"model": FLUX, "input": {"prompt": url, "image": url}})
        assert answer.status_code == 202, answer.text


def test_while_replicate_is_away_jobs_are_taken_unchecked_and_quickly(client_of, emulator):
    away = Replicate("http://127.0.0.1:1", SecretStr("r8_x"))
    api = client_of(replicate=away)

    answer = api.post("/jobs", json={"model": FLUX, "input": {"prompt": 5}})

    assert answer.status_code == 202
    away.close()


def test_what_was_known_of_a_model_counts_while_replicate_is_away(emulator, settings):
    replicate = Replicate(settings.replicate_base_url, SecretStr("r8_x"))
    live = LiveModels(replicate)
    assert live.find(FLUX).check is not None
    emulator.post("/_emulator/config", json={"blackout_seconds": 600})

    assert live.find(FLUX, anew=True).check is not None
    assert live.find(SDXL) is None
    replicate.close()


def test_the_registry_gives_target_defaults_type_and_terms(client_of, config, all_jobs):
    entry = {
        "kind": "image",
        "model": FLUX,
        "price": {"per_image": 0.003},
        "max_seconds": 90,
        "defaults": {"num_outputs": 2, "output_format": "png"},
    }
    api = client_of(models_config=config(flux=entry))

    answer = api.post("/jobs", json={"model": "flux", "input": {"prompt": "x", "num_outputs": 1}})

    [job] = all_jobs()
    assert (answer.status_code, answer.json["model"]) == (202, FLUX)
    assert (job.model, job.job_type, job.max_seconds) == (FLUX, "image", 90)
    assert job.price == {"per_image": "0.003"}
    assert job.input == {"prompt": "x", "num_outputs": 1, "output_format": "png"}


def test_a_parameter_that_the_registry_does_not_let_through_is_named(client_of, config):
    entry = {"model": FLUX, "parameters": ["prompt"], "defaults": {"num_outputs": 2}}
    api = client_of(models_config=config(flux=entry))

    answer = api.post("/jobs", json={"model": FLUX, "input": {"prompt": 1, "num_outputs": 1}})

    assert places(answer) == {("input", "prompt"), ("input", "num_outputs")}
    assert api.post("/jobs", json={"model": FLUX, "input": {"prompt": "x"}}).status_code == 202


def test_a_pinned_model_is_run_at_its_version_by_whatever_name(client_of, config, all_jobs):
    pinned = f"{SDXL}:{'a1' * 32}"
    api = client_of(models_config=config(pictures={"version": pinned}))

    for name in ("pictures", SDXL):
        assert api.post("/jobs", json={"model": name, "input": {}}).status_code == 202

    assert {(job.model, job.version) for job in all_jobs()} == {(None, pinned)}


def test_models_outside_the_registry_are_refused_where_that_is_set(client_of, config, all_jobs):
    api = client_of(models_config=config(flux={"model": FLUX}), fixative_unknown_models="refuse")

    for target in ({"model": SDXL}, {"version": "0" * 64}, {"deployment": "local/fast-pictures"}):
        assert api.post("/jobs", json={**target, "input": {}}).status_code == 404
    assert all_jobs() == []
    assert api.post("/jobs", json={"model": FLUX, "input": {"prompt": "x"}}).status_code == 202


def test_a_known_key_is_its_first_job_whatever_became_of_the_model(client_of, config):
    entry = {"model": FLUX, "aliases": ["quick"], "defaults": {"num_outputs": 2}}
    before = client_of(models_config=config(flux=entry))
    body, key = {"model": "quick", "input": {"prompt": "x"}}, {"Idempotency-Key": "order 1"}
    first = before.post("/jobs", json=body, headers=key)
    after = client_of(models_config=config(other={"model": SDXL}), fixative_unknown_models="refuse")

    again = after.post("/jobs", json=body, headers=key)

    assert (first.status_code, again.status_code) == (202, 200)
    assert again.headers["Idempotent-Replay"] == "true"
    assert again.json["id"] == first.json["id"]
    other = {"model": FLUX, "input": {"prompt": "x", "num_outputs": 2}}
    assert after.post("/jobs", json=other, headers=key).status_code == 409


def test_a_refused_input_leaves_its_key_unused(api):
    key = {"Idempotency-Key": "order 1"}
    assert api.post("/jobs", json={"model": FLUX, "input": {}}, headers=key).status_code == 422

    fits = {"model": FLUX, "input": {"prompt": "x"}}
    assert api.post("/jobs", json=fits, headers=key).status_code == 202


def test_many_at_once_ask_replicate_once(emulator, services):
    live = LiveModels(services.replicate)
    with ThreadPoolExecutor(16) as threads:
        found = list(threads.map(lambda _: live.find(FLUX), range(64)))

    assert all(model is found[0] and model.check for model in found)
    asked = emulator.get("/_emulator/stats").json()["requests"]
    assert sum(n for route, n in asked.items() if route.startswith("GET /v1/models")) == 1


def test_models_are_read_at_the_pace_of_reads(services, settings, emulator):
    one_a_minute = Pace(services.shared, "reads:of this test", 1)
    replicate = Replicate(settings.replicate_base_url, SecretStr("r8_x"), reads=one_a_minute)
    live = LiveModels(replicate)

    assert (live.find(FLUX) is None, live.find(SDXL) is None) == (False, True)
    asked = emulator.get("/_emulator/stats").json()["requests"]
    assert sum(n for route, n in asked.items() if route.startswith("GET /v1/models")) == 1
    replicate.close()


def test_the_check_of_a_known_model_is_measured(services, emulator, config, capsys):
    entry = {"model": FLUX, "defaults": {"num_outputs": 1}, "parameters": ["prompt", "seed"]}
    catalog = Catalog(Registry(config(flux=entry)), LiveModels(services.replicate), "allow", 7200)
    input_ = {"prompt": "a lighthouse in fog " * 20, "seed": 7}
    catalog.prepare("flux", None, None, input_)
    took = []
    for _ in range(2000):
        began = perf_counter()
        catalog.prepare("flux", None, None, input_)
        took.append(perf_counter() - began)

    with capsys.disabled():
        print(f"\ncheck of an input: median {median(took) * 1e6:.0f} us")
    assert catalog.prepare("flux", None, None, input_).input == {**input_, "num_outputs": 1}
