"""JSON as text, of whatever a model may have put into its output."""

import json
from typing import Any

import orjson


def json_text(value: Any) -> str:
    """The value as JSON, as Postgres keeps it."""
    try:
        return orjson.dumps(value).decode()
    except TypeError:  # nested deeper than 254 levels, numbers beyond 64 bits, half a character
        return json.dumps(value)
