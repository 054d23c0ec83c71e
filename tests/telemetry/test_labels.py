"""Labels: known names, and `other`."""

import pytest

from fixative.telemetry import labels
from fixative.telemetry.labels import ERRORS, JOB_TYPES, ModelNames, among


def test_what_is_not_known_is_other():
    assert among(JOB_TYPES, "image") == "image"
    assert among(JOB_TYPES, "my-own-label") == among(ERRORS, None) == "other"


@pytest.fixture
def few(monkeypatch):
    monkeypatch.setattr(labels, "MOST_MODELS", 2)


@pytest.mark.usefixtures("few")
def test_models_have_a_name_for_as_long_as_there_is_room_and_the_registrys_always(tmp_path):
    names = ModelNames(str(tmp_path))
    assert [names.label(f"a/{n}") for n in "xyz"] == ["a/x", "a/y", "other"]

    names.offer(["a/offered"])

    assert [names.label(f"a/{n}") for n in ("x", "z", "offered")] == ["a/x", "other", "a/offered"]
    assert names.label(None) == "other"


@pytest.mark.usefixtures("few")
def test_processes_have_the_same_names_whoever_met_them_first(tmp_path):
    one, another = ModelNames(str(tmp_path)), ModelNames(str(tmp_path))

    assert (one.label("a/x"), another.label("a/y")) == ("a/x", "a/y")
    assert (one.label("a/z"), another.label("a/z")) == ("other", "other")
    assert (one.label("a/y"), another.label("a/x")) == ("a/y", "a/x")


def test_where_the_names_cannot_be_kept_they_are_names_still(tmp_path):
    (tmp_path / "file").touch()
    names = ModelNames(str(tmp_path / "file"))  # which is no directory

    names.offer(["a/offered"])

    assert [names.label(f"a/{n}") for n in ("offered", "x", "x")] == ["a/offered", "a/x", "a/x"]
