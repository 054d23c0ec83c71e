"""A model's input schema as Replicate publishes it, made ready to check inputs with.

It is OpenAPI 3.0: `nullable`, exclusive limits that are flags, enums behind `allOf` and `$ref`.
Fields it does not name are let through, since Cog ignores them. Formats are the model's own
business, but for `uri`, which Replicate itself checks.
"""

import re
from collections.abc import Iterator
from typing import Any

from jsonschema_rs import (
    Draft202012Validator,
    FancyRegexOptions,
    ValidationError,
    ValidationErrorKind,
)

from fixative.errors import Misfit

INPUT = "#/components/schemas/Input"
NAMED = frozenset({"properties", "patternProperties", "schemas"})  # whose keys are no keywords
LITERAL = frozenset({"const", "default", "enum", "example", "examples"})
URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
PATTERNS = FancyRegexOptions(backtrack_limit=10_000)  # a pattern may be made to take for ever
MOST_MISFITS = 50
NO_MISFIT = (ValidationErrorKind.BacktrackLimitExceeded, ValidationErrorKind.RegexEngineFailure)


class InputCheck:
    """Checks inputs against one schema; made once, used from many threads."""

    def __init__(self, openapi_schema: Any) -> None:
        """Raises ValueError when the schema cannot be used."""
        schemas = _schemas(openapi_schema)
        if "Input" not in schemas:
            raise ValueError("no Input in the schema")
        root = {"$ref": INPUT, "components": {"schemas": _translated(schemas, named=True)}}
        self._validator = Draft202012Validator(
            root,
            validate_formats=True,
            formats={"uri": lambda text: URI.match(text[:40]) is not None},
            pattern_options=PATTERNS,
            offline=True,  # a schema from elsewhere has us ask nobody
            mask="the value",
        )

    def misfits(self, input_: dict[str, Any]) -> list[Misfit]:
        """Every place of the input that does not fit."""
        if self._validator.is_valid(input_):
            return []
        found = [m for error in self._validator.iter_errors(input_) for m in _misfits(error)]
        return found[:MOST_MISFITS]


def shown_schema(openapi_schema: Any, name: str) -> Any:
    """The schema of `Input` or `Output` as Replicate words it, with those it may refer to."""
    schemas = _schemas(openapi_schema)
    wanted = schemas.get(name)
    if not isinstance(wanted, dict):
        return None
    others = {key: schemas[key] for key in schemas if key not in {"Input", "Output"}}
    return {**wanted, "components": {"schemas": others}} if others else wanted


def _schemas(openapi_schema: Any) -> dict[str, Any]:
    try:
        schemas = openapi_schema["components"]["schemas"]
    except (KeyError, TypeError):
        return {}
    return schemas if isinstance(schemas, dict) else {}


def _misfits(error: ValidationError) -> Iterator[Misfit]:
    place = ("input", *error.instance_path)
    kind = error.kind
    if isinstance(kind, NO_MISFIT):
        return
    if isinstance(kind, ValidationErrorKind.Required):
        yield Misfit((*place, str(kind.property)), "is required", "missing")
    elif isinstance(kind, ValidationErrorKind.AdditionalProperties):
        for name in kind.unexpected:
            yield Misfit((*place, name), "is not known to the model", "extra_forbidden")
    else:
        yield Misfit(place, error.message, kind.name)


def _translated(schema: Any, *, named: bool = False) -> Any:
    """The same in JSON Schema; with `named`, a mapping of names to schemas."""
    if isinstance(schema, list):
        return [_translated(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if named:
        return {name: _translated(part) for name, part in schema.items()}
    words = {
        word: value if word in LITERAL else _translated(value, named=word in NAMED)
        for word, value in schema.items()
        if word != "format" or value == "uri"
    }
    for limit, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        if isinstance(words.get(exclusive), bool) and words.pop(exclusive):
            words[exclusive] = words.pop(limit)
    return _or_null(words) if words.pop("nullable", False) else words


def _or_null(words: dict[str, Any]) -> dict[str, Any]:
    if not isinstance(words.get("type"), str):
        return {"anyOf": [words, {"type": "null"}]}
    either = {**words, "type": [words["type"], "null"]}
    return {**either, "enum": [*words["enum"], None]} if "enum" in words else either
