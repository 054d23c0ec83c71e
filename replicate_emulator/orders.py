"""A request to create a prediction, checked: the body, and the two headers that shape it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from replicate_emulator.errors import Invalid, invalid_input, malformed
from replicate_emulator.models import Model
from replicate_emulator.predictions import DEFAULT_EVENTS
from replicate_emulator.validation import check

_COMMON: Final[dict[str, Any]] = {
    "input": {"type": "object"},
    "webhook": {"type": "string"},
    "webhook_events_filter": {
        "type": "array",
        "items": {"type": "string", "enum": ["start", "output", "logs", "completed"]},
    },
    "stream": {"type": "boolean"},
}
_BODY: Final[dict[str, Any]] = {
    "type": "object",
    "properties": _COMMON,
    "required": ["input"],
    "additionalProperties": False,
}
_BODY_WITH_VERSION: Final[dict[str, Any]] = _BODY | {
    "properties": {"version": {"type": "string"}, **_COMMON},
    "required": ["version", "input"],
}
# What any model obeys: see the README.
_SCRIPT: Final[dict[str, Any]] = {
    "properties": {
        "_queue_seconds": {"type": "number", "minimum": 0},
        "_seconds": {"type": "number", "minimum": 0},
        "_fail": {"type": "boolean"},
        "_error": {"type": "string"},
    },
    "type": "object",
}
TRAINING: Final[dict[str, Any]] = {
    "properties": {**_COMMON, "destination": {"type": "string"}, "input": _SCRIPT},
    "required": ["destination", "input"],
}
_PREFER = re.compile(r"wait(?:=([1-9]|[1-9][0-9]))?")
_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s?)?")
_WAIT_SECONDS = 60
_SHORTEST_DEADLINE = 5


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be run, and who is to be told."""

    model: Model
    input: Mapping[str, Any]
    webhook: str | None
    events: frozenset[str]
    deployment: str | None = None


def check_body(body: Any, *, with_version: bool) -> None:
    """Problem 422 unless the body has the shape the API documents for that route."""
    schema = _BODY_WITH_VERSION if with_version else _BODY
    found = list(check(body, schema, ""))
    webhook = body.get("webhook") if not found else None
    if webhook is not None and urlsplit(webhook).scheme not in ("http", "https"):
        found.append(Invalid("format", "webhook", "Does not match format 'uri'"))
    if found:
        raise invalid_input(found)


def check_input(values: Any, model: Model) -> None:
    """Problem 422 unless the model can take the input, its scripted keys included."""
    schemas = (model.input_schema(), _SCRIPT)
    found = [item for schema in schemas for item in check(values, schema, "input")]
    if found:
        raise invalid_input(found)


def read_order(body: Mapping[str, Any], model: Model, deployment: str | None = None) -> Order:
    """The order in a checked body. Problem 422 when the model cannot take its input."""
    check_input(body["input"], model)
    events = body.get("webhook_events_filter")
    return Order(
        model=model,
        input=body["input"],
        webhook=body.get("webhook"),
        events=DEFAULT_EVENTS if events is None else frozenset(events),
        deployment=deployment,
    )


def read_prefer(header: str | None) -> int | None:
    """The seconds a `Prefer: wait` header asks to be held for, at most 60; None without one."""
    match = _PREFER.fullmatch(header or "")
    return min(int(match[1] or _WAIT_SECONDS), _WAIT_SECONDS) if match else None


def read_cancel_after(header: str | None) -> int | None:
    """The seconds a `Cancel-After` header gives (`90`, `90s`, `1h30m45s`); None without one.

    Problem 400 when it is no duration or under five seconds.
    """
    if header is None:
        return None
    match = _DURATION.fullmatch(header.strip())
    hours, minutes, seconds = (int(part or 0) for part in match.groups()) if match else (0, 0, 0)
    total = hours * 3600 + minutes * 60 + seconds
    if total < _SHORTEST_DEADLINE:
        raise malformed("Cancel-After must be a duration of at least 5 seconds")
    return total
