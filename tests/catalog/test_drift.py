"""Drift: what of a model is no longer as it was is found, told, and told until it is accepted."""

import pytest

from fixative.catalog.catalog import Catalog
from fixative.catalog.drift import check_models
from fixative.catalog.live import LiveModels
from fixative.catalog.observed import shape_of
from fixative.catalog.registry import Registry
from fixative.recovery.gauges import GAUGES
from tests.catalog.conftest import FLUX

ENTRY = {"model": FLUX, "price": {"per_second": 0.003}, "defaults": {"num_outputs": 1}}


@pytest.fixture
def catalog(services, config):
    def make(**changed):
        registry = Registry(config(flux={**ENTRY, **changed}))
        return Catalog(registry, LiveModels(services.replicate), "allow", 7200)

    return make


@pytest.fixture
def found(database, catalog):
    """What a check finds to be different, as `what`s and as words."""

    def check(accept=False, **changed):
        [drift] = check_models(database, catalog(**changed), accept=accept)
        return [each["what"] for each in drift.differences], str(drift.differences)

    return check


@pytest.fixture
def change(emulator):
    def configure(**changed):
        models = {"models": {FLUX: changed}}
        emulator.post("/_emulator/config", json=models).raise_for_status()

    return configure


@pytest.fixture
def one_ran(submit, run):
    def go():
        return run(submit(FLUX, input={"prompt": "a cat"}))

    return go


def metric(database):
    [gauge] = [gauge for gauge in GAUGES if gauge.name == "fixative_model_drift"]
    with database.begin() as session:
        return dict(gauge.read(session))


def test_a_changed_schema_price_basis_or_output_shape_is_told_until_it_is_accepted(
    found, change, one_ran, database, catalog
):
    one_ran()
    assert found()[0] == []
    assert metric(database) == {}

    mood = {"type": "string", "enum": ["calm"]}
    change(inputs={"mood": mood}, counts=["image_count"], wraps=True)
    one_ran()

    whats, words = found()
    assert whats == ["schema", "price", "output"]
    assert "{result: [file]}, not [file]" in words
    assert "its metrics count image_count, predict_time, not predict_time" in words
    assert found()[0] == whats
    assert metric(database) == {("flux", what): 1 for what in whats}

    assert found(accept=True)[0] == []
    assert found()[0] == []
    assert metric(database) == {}


def test_what_the_registry_says_is_held_against_what_is_seen(found, one_ran):
    one_ran()
    wrong = {
        "price": {"per_output_token": 0.001},
        "estimated_seconds": 60,
        "defaults": {"num_outputs": 9},
        "parameters": ["prompt", "mood"],
    }

    whats, words = found(**wrong)

    assert sorted(whats) == ["price", "schema", "schema", "time"]
    for word in ("num_outputs", "mood", "output_token_count", "not 60 as the registry says"):
        assert word in words


def test_a_model_that_replicate_no_longer_knows_has_drifted(found):
    assert found(model="no/such") == (["schema"], found(model="no/such")[1])


def test_what_cannot_be_seen_now_is_no_difference(found, emulator, one_ran):
    one_ran()
    found()
    emulator.post("/_emulator/config", json={"faults": {"read_500": 1}})

    assert found()[0] == []


def test_what_was_not_known_at_first_is_taken_up_when_it_is(found, change, one_ran):
    assert found()[0] == []
    one_ran()
    assert found()[0] == []
    change(wraps=True)
    one_ran()

    assert found()[0] == ["output"]


def test_new_drift_is_alarmed_once(found, change, capsys):
    found()
    change(release=2, required=[])
    capsys.readouterr()

    found()
    found()

    assert capsys.readouterr().out.count("model_drifted") == 1


def test_a_check_by_hand_tells_the_same(client_of, config, change):
    api = client_of("tests", "admin", models_config=config(flux=ENTRY))
    assert api.post("/admin/models/check", json={}).json["items"][0]["differences"] == []
    change(required=[])

    [item] = api.post("/admin/models/check", json={}).json["items"]
    assert (item["model"], [each["what"] for each in item["differences"]]) == ("flux", ["schema"])
    assert (
        api.post("/admin/models/check", json={"accept": True}).json["items"][0]["differences"] == []
    )


@pytest.mark.parametrize(
    ("output", "shape"),
    [
        (["https://a/b.png", "data:image/png;base64,aa"], "[file]"),
        ("a text", "text"),
        ({"b": 1, "a": [None, True]}, "{a: [flag | null], b: number}"),
        ([], "[]"),
        ([[[[[1]]]]], "[[[[…]]]]"),
    ],
    ids=range(5),
)
def test_an_output_has_a_shape(output, shape):
    assert shape_of(output) == shape
