"""A form for a model's input, made of its schema; and the input that comes back by it.

Each field's name in the form says how its text is read, so that no schema is needed for that:
Replicate may be away by then.
"""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import BadRequest

from api.body import parse_json, storable
from fixative.catalog.entry import Entry
from fixative.errors import InvalidInput, Misfit

Schema = Mapping[str, Any]

LONG = ("prompt", "text", "instructions")  # of names whose text may have lines
TEXT, NUMBER, JSON = "text", "number", "json"


@dataclass(frozen=True)
class Field:
    """One field. `kind` is how it looks, `way` how its text is read."""

    name: str
    kind: str  # long, text, file, number, flag, choice, json
    way: str
    value: str
    required: bool
    hint: str
    minimum: Any = None
    maximum: Any = None
    step: str = "any"
    choices: tuple[tuple[str, str], ...] = ()  # the value's text, and what is shown

    @property
    def key(self) -> str:
        """What it is called in the form."""
        return f"{self.way}.{self.name}"


def fields_of(schema: Schema, entry: Entry, form: MultiDict[str, str]) -> list[Field]:
    """The fields for this schema's properties, in its order, with the form's values or defaults."""
    parts = _object(_object(schema.get("components")).get("schemas"))
    required = _list(schema.get("required"))
    properties = [
        (name, _whole(_object(part), parts))
        for name, part in _object(schema.get("properties")).items()
        if entry.parameters is None or name in entry.parameters
    ]
    properties.sort(key=lambda each: _place(each[1], len(properties)))
    return [
        _field(name, part, entry.defaults.get(name, part.get("default")), form, name in required)
        for name, part in properties
    ]


def input_of(form: MultiDict[str, str]) -> dict[str, Any]:
    """The input that the form's fields say; what was left empty is left out.

    Raises InvalidInput, or Unprocessable for what cannot be stored.
    """
    found, unreadable = _read(form)
    if unreadable:
        raise InvalidInput(unreadable)
    return storable(found)


def readable_input(form: MultiDict[str, str]) -> dict[str, Any]:
    """As much of the input as can be read."""
    return _read(form)[0]


def _read(form: MultiDict[str, str]) -> tuple[dict[str, Any], list[Misfit]]:
    found, unreadable = {}, []
    for key in form:
        way, dot, name = key.partition(".")
        text = form.getlist(key)[-1]  # a box that is ticked comes after what it says unticked
        if not dot or way not in WAYS or not text.strip():
            continue
        try:
            found[name] = WAYS[way](text)
        except ValueError as error:
            unreadable.append(Misfit(("input", name), str(error), "unreadable"))
    whole = found.pop("", None)  # the whole input, where there is no schema
    if isinstance(whole, dict):
        found |= whole
    elif whole is not None:
        unreadable.append(Misfit(("input",), "must be an object", "dict_type"))
    return found, unreadable


def _number(text: str) -> float:
    try:
        return int(text)
    except ValueError:
        number = _float(text)
    if not math.isfinite(number):
        raise ValueError("is no number")
    return number


def _float(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError("is no number") from None


def _json(text: str) -> Any:
    try:
        return parse_json(text.encode())
    except BadRequest as error:
        raise ValueError(str(error.description).replace("the body", "this")) from None


WAYS: dict[str, Callable[[str], Any]] = {
    TEXT: lambda text: text.replace("\r\n", "\n"),
    NUMBER: _number,
    JSON: _json,
}


def _field(
    name: str, part: Schema, default: Any, form: MultiDict[str, str], required: bool
) -> Field:
    kind = _kind(name, part)
    way = {"number": NUMBER, "flag": JSON, "choice": JSON, "json": JSON}.get(kind, TEXT)
    given = form.getlist(f"{way}.{name}")
    return Field(
        name=name,
        kind=kind,
        way=way,
        value=given[-1] if given else _text(default, way),
        required=required,
        hint=str(part.get("description") or ""),
        minimum=part.get("minimum"),
        maximum=part.get("maximum"),
        step="1" if part.get("type") == "integer" else "any",
        choices=tuple((json.dumps(value), str(value)) for value in _list(part.get("enum"))),
    )


def _kind(name: str, part: Schema) -> str:
    type_ = part.get("type")
    if _list(part.get("enum")):
        return "choice"
    if type_ in ("integer", "number"):
        return "number"
    if type_ == "boolean":
        return "flag"
    if type_ != "string":
        return "json"
    if part.get("format") == "uri":
        return "file"
    return "long" if any(word in name for word in LONG) else "text"


def _text(value: Any, way: str) -> str:
    if value is None:
        return ""
    return value if way == TEXT and isinstance(value, str) else json.dumps(value)


def _whole(part: Schema, parts: Schema) -> dict[str, Any]:
    """A property with what it refers to, the property's own words counting first."""
    whole: dict[str, Any] = {}
    for other in _list(part.get("allOf")):
        whole |= _referred(_object(other), parts)
    return {**_referred(part, parts), **whole, **part}


def _referred(part: Schema, parts: Schema) -> dict[str, Any]:
    name = str(part.get("$ref", "")).rpartition("/")[2]
    return {**_object(parts.get(name)), **part}


def _place(part: Schema, last: int) -> int:
    place = part.get("x-order")
    return place if isinstance(place, int) else last


# A schema is what a model's author wrote: nothing of it is sure.


def _object(value: Any) -> Schema:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
