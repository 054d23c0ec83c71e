"""Input schemas as Replicate publishes them, oddities included."""

import pytest

from fixative.catalog.input_schemas import InputCheck, shown_schema

SCHEMAS = {
    "Input": {
        "type": "object",
        "title": "Input",
        "required": ["prompt"],
        "properties": {
            "prompt": {"type": "string", "title": "Prompt", "x-order": 0},
            "shape": {
                "allOf": [{"$ref": "#/components/schemas/shape"}],
                "default": "square",
                "x-order": 1,
            },
            "image": {"type": "string", "format": "uri", "x-order": 2},
            "steps": {"type": "integer", "minimum": 1, "maximum": 50, "x-order": 3},
            "strength": {
                "type": "number",
                "minimum": 0,
                "exclusiveMinimum": True,
                "maximum": 1,
                "exclusiveMaximum": False,
            },
            "seed": {"type": "integer", "nullable": True},
            "style": {"nullable": True, "allOf": [{"$ref": "#/components/schemas/shape"}]},
            "tags": {"type": "array", "items": {"type": "string"}},
            "when": {"type": "string", "format": "date-time"},
            "nullable": {"type": "boolean"},
        },
    },
    "Output": {"type": "array", "items": {"type": "string", "format": "uri"}},
    "shape": {"type": "string", "title": "shape", "enum": ["square", "wide"]},
}


def openapi(schemas):
    return {"openapi": "3.0.2", "components": {"schemas": schemas}}


CHECK = InputCheck(openapi(SCHEMAS))


@pytest.mark.parametrize(
    "fits",
    [
        {},
        {"shape": "wide"},
        {"image": "data:image/png;base64,aGk="},
        {"image": "http://127.0.0.1:8000/files/019a3c1e-5b7d-7c3a-9f00-2d1e6a4b8c70?sig=x"},
        {"seed": None},
        {"seed": 7},
        {"style": None},
        {"style": "square"},
        {"strength": 1},
        {"tags": []},
        {"when": "at some time"},
        {"nullable": True},
        {"a_field_that_the_model_does_not_name": {"x": 1}},
    ],
    ids=str,
)
def test_what_replicate_takes_fits(fits):
    assert CHECK.misfits({"prompt": "a cat", **fits}) == []


@pytest.mark.parametrize(
    ("wrong", "place", "kind"),
    [
        ({"prompt": 1}, ("input", "prompt"), "type"),
        ({"prompt": None}, ("input", "prompt"), "type"),
        ({"shape": "round"}, ("input", "shape"), "enum"),
        ({"image": "cat.png"}, ("input", "image"), "format"),
        ({"steps": 51}, ("input", "steps"), "maximum"),
        ({"steps": "9"}, ("input", "steps"), "type"),
        ({"steps": True}, ("input", "steps"), "type"),
        ({"strength": 0}, ("input", "strength"), "exclusiveMinimum"),
        ({"seed": "7"}, ("input", "seed"), "type"),
        ({"style": "round"}, ("input", "style"), "anyOf"),
        ({"tags": ["a", 2]}, ("input", "tags", 1), "type"),
    ],
    ids=str,
)
def test_what_replicate_refuses_is_named(wrong, place, kind):
    [misfit] = CHECK.misfits({"prompt": "a cat", **wrong})

    assert (misfit.loc, misfit.type) == (place, kind)


def test_every_place_is_named_at_once_and_no_value_is_repeated():
    misfits = CHECK.misfits({"steps": 0, "image": "secret", "tags": [1, 2]})

    assert {misfit.loc[1:] for misfit in misfits} == {
        ("prompt",),
        ("steps",),
        ("image",),
        ("tags", 0),
        ("tags", 1),
    }
    assert not any("secret" in misfit.msg for misfit in misfits)


@pytest.mark.parametrize(
    "schema",
    [
        None,
        [],
        {},
        openapi({}),
        openapi({"Input": {"type": 5}}),
        openapi({"Input": {"$ref": "http://127.0.0.1:1/elsewhere"}}),
        openapi({"Input": {"properties": {"a": {"pattern": "("}}}}),
    ],
    ids=range(7),
)
def test_a_schema_that_cannot_be_used_is_refused_and_nobody_is_asked_for_more(schema):
    with pytest.raises(ValueError, match=r".+"):
        InputCheck(schema)


def test_a_pattern_made_to_take_for_ever_does_not():
    hostile = {"type": "object", "properties": {"a": {"pattern": "^(a|a)+(?=b)$"}}}
    check = InputCheck(openapi({"Input": hostile}))

    assert check.misfits({"a": "a" * 60 + "!"}) == []


def test_a_shown_schema_brings_what_it_refers_to():
    shown = shown_schema(openapi(SCHEMAS), "Input")

    assert shown["properties"] == SCHEMAS["Input"]["properties"]
    assert shown["components"]["schemas"] == {"shape": SCHEMAS["shape"]}
    assert shown_schema(openapi({}), "Input") is None
