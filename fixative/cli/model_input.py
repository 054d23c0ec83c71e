"""What somebody types after `fixative submit`, as the API takes it."""

import json
import re
from collections.abc import Iterable
from typing import Any

import click

VERSION = re.compile(r"(?:.+:)?[0-9a-f]{64}")


def parse_target(text: str) -> dict[str, str]:
    """`owner/name` is a model; 64 hex digits, alone or after `owner/name:`, are a version."""
    if VERSION.fullmatch(text):
        return {"version": text}
    if text.count("/") == 1 and ":" not in text:
        return {"model": text}
    raise click.BadParameter(
        f"{text} is neither owner/name, nor a version of 64 hex digits, nor owner/name:version"
    )


def parse_input(whole: str | None, pairs: Iterable[str]) -> dict[str, Any]:
    """The input: a JSON object, if one is given, with each key=value put over it."""
    values = _object(whole) if whole is not None else {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not (name and equals):
            raise click.BadParameter(f"{pair} is not key=value")
        values[name] = parse_value(text)
    return values


def parse_value(text: str) -> Any:
    """The JSON that the text is, or else the text itself."""
    try:
        return json.loads(text, parse_constant=_no_number)
    except ValueError:
        return text


def _object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text, parse_constant=_no_number)
    except ValueError as error:
        raise click.BadParameter(f"--json: not JSON: {error}") from None
    if not isinstance(value, dict):
        raise click.BadParameter("--json: an object is wanted")
    return value


def _no_number(name: str) -> None:
    """Python reads NaN and Infinity as numbers; JSON does not know them."""
    raise ValueError(name)
