"""A form made of a schema, and the input that it sends back."""

import pytest
from werkzeug.datastructures import MultiDict

from api.dashboard.model_form import fields_of, input_of, readable_input
from api.errors import Unprocessable
from fixative.catalog.entry import Entry
from fixative.errors import InvalidInput

SCHEMA = {
    "required": ["prompt"],
    "properties": {
        "steps": {"type": "integer", "minimum": 1, "maximum": 4, "default": 2, "x-order": 1},
        "prompt": {"type": "string", "description": "What to draw", "x-order": 0},
        "image": {"type": "string", "format": "uri", "x-order": 2},
        "fast": {"type": "boolean", "default": True, "x-order": 3},
        "shape": {"allOf": [{"$ref": "#/components/schemas/shape"}], "default": "b", "x-order": 4},
        "extras": {"type": "array", "items": {"type": "string"}, "x-order": 5},
        "name": {"type": "string", "default": "x", "x-order": 6},
    },
    "components": {"schemas": {"shape": {"type": "string", "enum": ["a", "b"]}}},
}


def fields(schema=SCHEMA, form=(), **entry):
    entry = Entry(id="o/m", model="o/m", **entry)
    return {field.name: field for field in fields_of(schema, entry, MultiDict(form))}


def test_each_kind_of_parameter_has_its_field_in_the_models_order():
    made = fields()

    kinds = [(name, field.kind) for name, field in made.items()]
    assert kinds == [
        ("prompt", "long"),
        ("steps", "number"),
        ("image", "file"),
        ("fast", "flag"),
        ("shape", "choice"),
        ("extras", "json"),
        ("name", "text"),
    ]
    assert (made["prompt"].required, made["prompt"].hint) == (True, "What to draw")
    assert (made["steps"].minimum, made["steps"].maximum, made["steps"].step) == (1, 4, "1")
    assert made["shape"].choices == (('"a"', "a"), ('"b"', "b"))


def test_defaults_stand_in_it_and_the_registrys_count_first():
    made = fields(defaults={"steps": 3})

    values = {name: field.value for name, field in made.items() if field.value}
    assert values == {"steps": "3", "fast": "true", "shape": '"b"', "name": "x"}


def test_what_was_typed_stays():
    assert fields(form=[("number.steps", "nine")])["steps"].value == "nine"


def test_only_what_may_be_named_is_asked_for():
    assert list(fields(parameters=["prompt", "steps"])) == ["prompt", "steps"]


def test_a_schema_that_makes_no_sense_makes_what_form_it_can():
    odd = {
        "required": True,
        "properties": {"a": None, "b": {"type": ["string"], "enum": "x", "x-order": "first"}},
        "components": [],
    }

    assert [field.kind for field in fields(odd).values()] == ["json", "json"]
    assert fields({"properties": []}) == {}


def test_the_form_sent_back_is_the_input():
    form = MultiDict(
        [
            ("model", "o/m"),
            ("text.prompt", "two\r\nlines"),
            ("number.steps", "3"),
            ("number.scale", "0.5"),
            ("json.fast", "false"),
            ("json.fast", "true"),
            ("json.off", "false"),
            ("json.shape", '"b"'),
            ("json.extras", '["a"]'),
            ("text.name", " "),
        ]
    )

    assert input_of(form) == {
        "prompt": "two\nlines",
        "steps": 3,
        "scale": 0.5,
        "fast": True,
        "off": False,
        "shape": "b",
        "extras": ["a"],
    }


def test_without_a_schema_the_whole_input_is_json():
    assert input_of(MultiDict({"json.": '{"prompt": "a cat"}'})) == {"prompt": "a cat"}


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("number.steps", "two"),
        ("number.steps", "nan"),
        ("number.steps", "1e999"),
        ("json.extras", "[1"),
        ("json.", "[1]"),
        ("json.", "{"),
    ],
)
def test_what_cannot_be_read_is_named_and_passed_over_for_the_price(key, text):
    form = MultiDict({key: text, "text.prompt": "a cat"})

    with pytest.raises(InvalidInput) as refused:
        input_of(form)

    [misfit] = refused.value.misfits
    assert misfit.loc in {("input", key.partition(".")[2]), ("input",)}
    assert readable_input(form) == {"prompt": "a cat"}


@pytest.mark.parametrize(("key", "text"), [("text.a", "\0"), ("json.a", '"\\ud800"')])
def test_what_cannot_be_stored_is_refused(key, text):
    with pytest.raises(Unprocessable):
        input_of(MultiDict({key: text}))
