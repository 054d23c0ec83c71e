"""Checks a body against a schema and says what is wrong in Replicate's words.

Recorded answers show the wording of the gojsonschema library for a missing property; the other
sentences are that library's too.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Any

from replicate_emulator.errors import Invalid

_KINDS: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "object": dict,
    "array": list,
}


def check(value: Any, schema: Mapping[str, Any], field: str) -> Iterator[Invalid]:
    """What is wrong in the value, named by its place: `field`, and below it with dots."""
    kind = schema.get("type")
    if kind and not _is(value, kind):
        yield Invalid(
            "invalid_type", field, f"Invalid type. Expected: {kind}, given: {_name(value)}"
        )
        return
    if "enum" in schema and value not in schema["enum"]:
        allowed = ", ".join(f'"{item}"' for item in schema["enum"])
        yield Invalid("enum", field, f"{field} must be one of the following: {allowed}")
    if kind in ("integer", "number"):
        yield from _check_number(value, schema, field)
    if kind == "array":
        for place, item in enumerate(value):
            yield from check(item, schema.get("items", {}), f"{field}.{place}")
    if kind == "object":
        yield from _check_object(value, schema, field)


def _check_number(value: float, schema: Mapping[str, Any], field: str) -> Iterator[Invalid]:
    low, high = schema.get("minimum", -math.inf), schema.get("maximum", math.inf)
    if value < low:
        yield Invalid("number_gte", field, f"Must be greater than or equal to {low}")
    if value > high:
        yield Invalid("number_lte", field, f"Must be less than or equal to {high}")


def _check_object(
    value: Mapping[str, Any], schema: Mapping[str, Any], field: str
) -> Iterator[Invalid]:
    for key in schema.get("required", ()):
        if key not in value:
            yield Invalid("required", field, f"{key} is required")
    properties = schema.get("properties", {})
    for key, item in value.items():
        if key in properties:
            yield from check(item, properties[key], f"{field}.{key}" if field else key)
        elif not schema.get("additionalProperties", True):
            sentence = f"Additional property {key} is not allowed"
            yield Invalid("additional_property_not_allowed", field, sentence)


def _is(value: Any, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    return isinstance(value, _KINDS[kind])


def _name(value: Any) -> str:
    names = (name for name in ("boolean", *_KINDS) if _is(value, name))
    return next(names, "null")
