"""What is told of models, and to whom."""

import pytest

from api.answer_schemas_models import Model, ModelPage
from tests.catalog.conftest import FLUX

ENTRY = {
    "kind": "image",
    "model": FLUX,
    "price": {"per_image": 0.003},
    "estimated_seconds": 5,
    "max_cost": 0.02,
    "parameters": ["prompt"],
    "aliases": ["quick/one"],
}


@pytest.fixture
def offering(client_of, config):
    """A client of an API that offers one model."""

    def make(*scopes, **changed):
        return client_of("tests", *scopes, models_config=config(flux=ENTRY), **changed)

    return make


def test_the_registry_is_listed_with_prices_times_and_parameters(offering):
    [model] = ModelPage.model_validate_json(offering().get("/models").data).items

    assert (model.id, model.kind, model.model) == ("flux", "image", FLUX)
    assert (model.price.per_image, model.max_cost) == ("0.003", "0.02")
    assert (model.estimated_seconds, model.parameters) == (5, ["prompt"])


@pytest.mark.parametrize("name", ["flux", "quick/one", FLUX])
def test_a_model_is_shown_by_any_of_its_names_with_what_it_takes(offering, name):
    model = Model.model_validate_json(offering().get(f"/models/{name}").data)

    assert (model.id, model.input_schema["required"]) == ("flux", ["prompt"])


def test_a_public_model_outside_the_registry_is_shown(offering):
    model = Model.model_validate_json(offering().get("/models/meta/musicgen").data)

    assert (model.id, model.price, model.kind) == ("meta/musicgen", None, "other")
    assert "duration" in model.input_schema["properties"]


@pytest.mark.parametrize(
    "name", ["no/such", "none", "a/b/c", "%2e%2e/predictions", "a/b%3fc", "a%00"]
)
def test_what_is_no_model_is_404(offering, name):
    assert offering().get(f"/models/{name}").status_code == 404


def test_of_a_private_model_of_the_account_nothing_is_told(offering, emulator):
    change = {"models": {"emulator/echo": {"visibility": "private"}}}
    emulator.post("/_emulator/config", json=change).raise_for_status()

    assert offering().get("/models/emulator/echo").status_code == 404


def test_where_unknown_models_are_refused_none_is_shown(offering):
    api = offering(fixative_unknown_models="refuse")

    assert api.get("/models/meta/musicgen").status_code == 404
    assert api.get("/models/flux").status_code == 200


def test_models_are_told_to_keys_that_may_read_only(offering):
    assert offering("submit").get("/models").status_code == 403
    assert offering("submit").get("/models/flux").status_code == 403
    assert offering("read", "submit").post("/admin/models/check", json={}).status_code == 403
