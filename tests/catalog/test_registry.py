"""The registry: what a configuration means, and a file that changes while it is in use."""

import json
from decimal import Decimal

import pytest

from fixative.catalog.registry import Registry
from fixative.errors import WrongSetting
from fixative.settings import load_settings

HEX = "a1" * 32
DOCUMENT = {
    "video": {
        "stability-video": {
            "version": "stability-ai/stable-video-diffusion",
            "pricing": 0.05,
            "estimatedTime": 60,
            "supportedParams": ["motion_bucket_id", "fps", "num_frames"],
        }
    },
    "image": {
        "flux-schnell": {
            "version": "black-forest-labs/flux-schnell",
            "pricing": 0.003,
            "estimatedTime": 5,
        }
    },
    "audio": {
        "musicgen": {"version": f"meta/musicgen:{HEX}", "pricing": 0.02, "estimatedTime": 30}
    },
}


def registry(models):
    return Registry(json.dumps({"models": models}))


def test_an_entry_says_what_a_model_is_here():
    found = registry(
        {
            "flux": {
                "kind": "image",
                "model": "black-forest-labs/flux-schnell",
                "price": {"per_image": 0.003},
                "estimated_seconds": 5,
                "max_seconds": 60,
                "max_cost": "0.02",
                "parameters": ["prompt"],
                "defaults": {"num_outputs": 1, "strength": 0.5},
                "aliases": ["quick"],
            }
        }
    ).named("quick")

    assert (found.id, found.kind, found.model) == (
        "flux",
        "image",
        "black-forest-labs/flux-schnell",
    )
    assert (found.price.per_image, found.max_cost) == (Decimal("0.003"), Decimal("0.02"))
    assert found.defaults == {"num_outputs": 1, "strength": 0.5}


def test_the_shape_of_the_document_it_began_with_is_taken_as_it_stands():
    film, picture, music = Registry(json.dumps(DOCUMENT)).entries()

    assert (film.id, film.kind, film.price.per_run) == ("stability-video", "video", Decimal("0.05"))
    assert (film.estimated_seconds, film.model) == (60, "stability-ai/stable-video-diffusion")
    assert film.parameters == ["motion_bucket_id", "fps", "num_frames"]
    assert (picture.parameters, picture.max_seconds) == (None, None)
    assert (music.version, music.model) == (f"meta/musicgen:{HEX}", None)


def test_a_target_finds_its_entry_by_every_name_it_has():
    found = registry(
        {
            "latest": {"model": "a/latest"},
            "pinned": {"version": f"a/pinned:{HEX}"},
            "deployed": {"deployment": "a/deployed"},
            "b/itself": {},
        }
    )

    def entry(model=None, version=None, deployment=None):
        entry = found.find(model, version, deployment)
        return entry and entry.id

    assert [entry("latest"), entry("a/latest"), entry(version=f"a/latest:{HEX[::-1]}")] == [
        "latest"
    ] * 3
    assert [entry("a/pinned"), entry(version=HEX), entry(version=f"x/y:{HEX}")] == ["pinned"] * 3
    assert entry(version="a/pinned:" + "b2" * 32) is None
    assert (entry(deployment="a/deployed"), entry("a/deployed")) == ("deployed", None)
    assert entry("b/itself") == "b/itself"
    assert entry("c/unknown") is None


def test_without_a_configuration_no_model_is_known():
    assert Registry(None).entries() == []


@pytest.mark.parametrize(
    ("config", "named"),
    [
        ("{", "not JSON"),
        ('{"models": []}', "models"),
        ('{"models": {"a/b": {"pricing": 1}}}', "models.a/b.pricing"),
        ('{"models": {"a/b": {"price": {"per_image": -1}}}}', "models.a/b.price.per_image"),
        ('{"models": {"a/b": {"max_seconds": 4}}}', "models.a/b.max_seconds"),
        ('{"models": {"a": {}}}', "a: exactly one of model, version, deployment"),
        ('{"models": {"a": {"model": "a/b", "version": "' + HEX + '"}}}', "a: exactly one"),
        ('{"models": {"a/b": {}, "c/d": {"aliases": ["a/b"]}}}', "two models are called a/b"),
        ('{"image": {"a": {"version": "no-slash"}}}', "image.a.version"),
        ('{"image": {"a": {"version": "a/b"}}, "video": {"a": {"version": "a/b"}}}', "two models"),
        ("/nonexistent/models.json", "No such file or directory: /nonexistent/models.json"),
    ],
    ids=range(11),
)
def test_a_configuration_that_is_wrong_is_refused_in_one_line_that_names_the_place(config, named):
    with pytest.raises(WrongSetting) as refusal:
        Registry(config)

    assert str(refusal.value).startswith("MODELS_CONFIG: ")
    assert named in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_models_config_file_names_the_file_itself(environ_of_settings, tmp_path):
    path = tmp_path / "models.json"
    path.write_text("{}")

    assert load_settings(
        {**environ_of_settings, "MODELS_CONFIG_FILE": str(path)}
    ).models_config == (str(path))


@pytest.fixture
def environ_of_settings():
    return {
        "DATABASE_URL": "postgresql://x/y",
        "REDIS_URL": "redis://x",
        "S3_BUCKET": "x",
        "REPLICATE_API_TOKEN": "x",
        "FIXATIVE_ADMIN_KEY": "x" * 16,
        "FIXATIVE_DATA_DIR": "/nonexistent",
    }


def test_a_file_that_changes_breaks_and_is_mended_is_followed_and_the_good_one_counts(
    tmp_path, eventually, capsys
):
    path = tmp_path / "models.json"

    def write(models):
        text = models if isinstance(models, str) else json.dumps({"models": models})
        path.write_text(text)

    def ids():
        return [entry.id for entry in found.entries()]

    write({"a/one": {}})
    found = Registry(str(path))
    assert ids() == ["a/one"]

    write({"a/one": {}, "a/two": {}})
    eventually(lambda: ids() == ["a/one", "a/two"])

    write('{"models": {"a/three": {"max_seconds": "long"}}}')
    eventually(lambda: ids() and found.broken)
    assert ids() == ["a/one", "a/two"]
    assert "models.a/three.max_seconds" in found.broken

    path.unlink()
    eventually(lambda: ids() and "No such file" in found.broken)
    assert ids() == ["a/one", "a/two"]

    write({"a/four": {}})
    eventually(lambda: ids() == ["a/four"])
    assert found.broken is None
    said = capsys.readouterr().out
    assert said.count("models_config_broken") == 2
    assert said.count("models_config_mended") == 1
