import click
import pytest

from fixative.cli.model_input import parse_input, parse_target, parse_value

VERSION = "39ed52f2a78e934b3ba6e2a89f5b1c712de7dfea535525255b1aa35c5565e08b"


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("owner/name", {"model": "owner/name"}),
        (VERSION, {"version": VERSION}),
        (f"owner/name:{VERSION}", {"version": f"owner/name:{VERSION}"}),
    ],
)
def test_a_model_or_a_version_is_told_by_its_form(text: str, target: dict[str, str]) -> None:
    assert parse_target(text) == target


@pytest.mark.parametrize("text", ["name", "a/b/c", "owner/name:latest", VERSION[:-1]])
def test_what_is_neither_is_refused_before_anything_is_sent(text: str) -> None:
    with pytest.raises(click.BadParameter, match="neither"):
        parse_target(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3),
        ("0.5", 0.5),
        ("true", True),
        ("null", None),
        ('["a", 1]', ["a", 1]),
        ('"3"', "3"),
        ("a lighthouse", "a lighthouse"),
        ("", ""),
        ("NaN", "NaN"),
        ("{broken", "{broken"),
    ],
)
def test_a_value_is_json_where_it_is_json_and_text_elsewhere(text: str, value: object) -> None:
    assert parse_value(text) == value


def test_pairs_go_over_the_whole_input_and_keep_their_equals_signs() -> None:
    assert parse_input('{"seed": 1, "steps": 4}', ["seed=2", "prompt=a=b"]) == {
        "seed": 2,
        "steps": 4,
        "prompt": "a=b",
    }


@pytest.mark.parametrize("pair", ["prompt", "=fog"])
def test_a_pair_without_key_or_equals_sign_is_refused(pair: str) -> None:
    with pytest.raises(click.BadParameter, match="not key=value"):
        parse_input(None, [pair])


@pytest.mark.parametrize("whole", ["[1]", "{", '{"x": NaN}'])
def test_an_input_that_is_no_json_object_is_refused(whole: str) -> None:
    with pytest.raises(click.BadParameter, match="--json"):
        parse_input(whole, [])
