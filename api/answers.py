"""JSON out: instants as RFC 3339 in UTC, ids as text, whatever a model's output holds."""

import json
from datetime import datetime
from typing import Any

import orjson
from flask.json.provider import JSONProvider

FORM = orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS


class Json(JSONProvider):
    """How this API writes JSON; reading it is `api.body`'s."""

    def dumps(self, obj: Any, **_: Any) -> str:
        """`obj` as JSON text."""
        return dump(obj).decode()

    def loads(self, s: str | bytes, **_: Any) -> Any:
        """The value of a JSON text of our own."""
        return json.loads(s)


def dump(value: Any) -> bytes:
    """`value` as JSON, in UTF-8."""
    try:
        return orjson.dumps(value, option=FORM)
    except TypeError:
        # A model's output may nest deeper than 254 levels or count beyond 64 bits.
        return json.dumps(value, default=_text).encode()


def _text(value: Any) -> str:
    return value.isoformat().replace("+00:00", "Z") if isinstance(value, datetime) else str(value)
