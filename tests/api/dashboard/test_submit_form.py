"""Submitting by a form: what is shown of the model, and what is said where it does not fit."""

import html
import io
import json
import re

import pytest
from pydantic import SecretStr

from fixative.replicate.client import Replicate
from tests.api.dashboard.conftest import Browser

FLUX = "black-forest-labs/flux-schnell"
REGISTRY = {
    "models": {
        FLUX: {"kind": "image", "price": {"per_image": "0.003"}, "defaults": {"num_outputs": 2}},
        "narrow": {"model": "stability-ai/sdxl", "parameters": ["prompt"]},
        "words": {"model": "meta/meta-llama-3-8b-instruct", "price": {"per_output_token": "0.1"}},
    }
}


@pytest.fixture(scope="module")
def offering(new_app, settings, local_replicate):
    replicate = Replicate(local_replicate, SecretStr("r8_test"))
    offered = settings.model_copy(update={"models_config": json.dumps(REGISTRY)})
    yield new_app(offered, replicate=replicate)
    replicate.close()


@pytest.fixture
def signed_in(offering, new_key):
    def made(*scopes):
        browser = Browser(offering.test_client())
        browser.sign_in(new_key("tests", *scopes))
        return browser

    return made


@pytest.fixture
def browser(signed_in):
    return signed_in()


def fault_of(page, name):
    found = re.search(rf'<span class="fault" id="in-{name}-fault">([^<]*)<', page.text)
    return found and html.unescape(found[1])


def test_the_registry_is_to_choose_from(browser):
    page = browser.get("/ui/submit").text

    assert f"/ui/submit?model={FLUX}" in page
    assert "$0.003 an image" in page


def test_a_model_that_nobody_knows_is_said_to_be_unknown(browser):
    page = browser.get("/ui/submit?model=no/body")

    assert page.status_code == 404
    assert "no/body" in page.text
    assert 'aria-invalid="true"' in page.text


def test_the_form_asks_what_the_model_takes_and_tells_the_price(browser):
    page = browser.get(f"/ui/submit?model={FLUX}").text

    assert 'name="text.prompt"' in page
    assert re.search(r'name="number.num_outputs"[^>]* value="2" min="1" max="4"', page)
    assert "at most <strong>$0.006</strong>" in page


def test_the_price_follows_what_is_filled_in(browser):
    def price(model, **fields):
        return browser.post("/ui/submit/price", model=model, **fields).text

    assert "$0.012" in price(FLUX, **{"number.num_outputs": "4"})
    assert "nothing bounds it" in price("words")
    assert "knows no price" in price("stability-ai/sdxl")


def test_what_is_sent_is_a_job(browser, all_jobs, api):
    fields = {"text.prompt": "a cat", "number.num_outputs": "1", "json.output_format": '"png"'}

    answer = browser.post("/ui/submit", model=FLUX, label="by form", priority="high", **fields)

    [row] = all_jobs()
    assert answer.location == f"/ui/jobs/{row.id}"
    job = api.get(f"/jobs/{row.id}").json
    assert (job["label"], job["priority"], job["job_type"]) == ("by form", "high", "image")
    assert job["input"] == {"prompt": "a cat", "num_outputs": 1, "output_format": "png"}


def test_the_same_form_sent_twice_is_one_job(browser, all_jobs):
    for _ in range(2):
        browser.post("/ui/submit", model=FLUX, once="ab" * 16, **{"text.prompt": "a cat"})

    assert len(all_jobs()) == 1


def test_what_does_not_fit_is_said_beside_its_field_and_what_was_typed_stays(browser, all_jobs):
    page = browser.post("/ui/submit", model=FLUX, **{"number.num_outputs": "9", "number.seed": "x"})

    assert page.status_code == 422
    assert fault_of(page, "seed") == "is no number"
    assert 'value="9"' in page.text

    page = browser.post("/ui/submit", model=FLUX, **{"number.num_outputs": "9"})
    assert fault_of(page, "prompt") == "is required"
    assert "maximum" in fault_of(page, "num_outputs")
    assert all_jobs() == []


def test_what_has_no_field_is_said_above(browser):
    page = browser.post("/ui/submit", model="narrow", **{"text.prompt": "x", "number.seed": "1"})

    assert page.status_code == 422
    assert '<p class="wrong" role="alert">seed: is not to be set here</p>' in page.text


def test_an_input_file_is_brought_for_a_form(browser, api):
    answer = browser.client.post(
        "/ui/files",
        data={"content": (io.BytesIO(b"\x89PNG\r\n\x1a\n" + b"0" * 64), "cat.png")},
        headers={"X-Form-Token": browser.form_token},
    )

    assert answer.status_code == 200, answer.text
    assert answer.json["name"] == "cat.png"
    assert "/files/" in answer.json["url"]


def test_a_file_without_the_token_of_the_session_is_refused(browser):
    answer = browser.client.post("/ui/files", data={"content": (io.BytesIO(b"x"), "x")})

    assert answer.status_code == 403


def test_who_may_not_submit_sees_no_form(signed_in):
    reader = signed_in("read")

    assert "/ui/submit" not in reader.get("/ui/").text
    assert reader.get("/ui/submit").status_code == 403
    for path in ("/ui/submit", "/ui/submit/price", "/ui/files"):
        assert reader.post(path).status_code == 403


def test_while_replicate_is_away_the_input_is_typed_as_json(
    new_app, settings, new_key, all_jobs, api
):
    away = new_app(settings.model_copy(update={"models_config": json.dumps(REGISTRY)}))
    browser = Browser(away.test_client())
    browser.sign_in(new_key())

    assert 'name="json."' in browser.get(f"/ui/submit?model={FLUX}").text
    browser.post("/ui/submit", model=FLUX, **{"json.": '{"prompt": "a cat"}'})
    [row] = all_jobs()
    assert api.get(f"/jobs/{row.id}").json["input"]["prompt"] == "a cat"
