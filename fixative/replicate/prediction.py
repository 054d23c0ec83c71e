"""A prediction: Replicate's JSON read into what we rely on, with the JSON itself kept."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import orjson

from fixative.errors import MalformedPrediction

RUNNING = ("starting", "processing")
ENDED = ("succeeded", "failed", "canceled", "aborted")
DEEPEST = 100  # levels, as many as an input may have: all who walk an output do it by recursion
KEPT = timedelta(hours=1)  # after its end, by Replicate's documentation


@dataclass(frozen=True)
class Prediction:
    """Replicate's run of a model, as it last told us. `raw` is its whole answer."""

    id: str
    status: str
    created_at: datetime
    model: str | None
    version: str | None
    deployment: str | None
    input: dict[str, Any]
    webhook: str | None
    raw: dict[str, Any]

    @property
    def claimed_by(self) -> tuple[UUID, UUID] | None:
        """The job and attempt that its own `webhook` names, if it names both."""
        if not self.webhook:
            return None
        try:
            query = parse_qs(urlsplit(self.webhook).query)
            return UUID(query["job"][-1]), UUID(query["attempt"][-1])
        except (KeyError, ValueError):
            return None


def read_prediction(raw: Any) -> Prediction:
    """The prediction in Replicate's JSON, whatever keys are absent (Replicate's OpenAPI file).

    Its `raw` can be written and walked: what is nested deeper than 100 levels stands there as its
    JSON text, from now on in the JSON that was given too. Raises MalformedPrediction when id,
    status or created_at are missing or make no sense.
    """
    if not isinstance(raw, dict):
        raise MalformedPrediction("not an object")
    text = _written(raw)
    if text is None or text.count(b"[") + text.count(b"{") > DEEPEST:
        _flatten(raw)
    raw = raw if text is not None else _unicode(raw)
    id_, status, created_at = raw.get("id"), raw.get("status"), raw.get("created_at")
    if not isinstance(id_, str) or not id_.isalnum():
        raise MalformedPrediction("no id")
    if status not in RUNNING and status not in ENDED:
        raise MalformedPrediction(f"unknown status {status!r}")
    input_ = raw.get("input")
    return Prediction(
        id=id_,
        status=status,
        created_at=read_instant(created_at),
        model=_text(raw.get("model")),
        version=_text(raw.get("version")),
        deployment=_text(raw.get("deployment")),
        input=input_ if isinstance(input_, dict) else {},
        webhook=_text(raw.get("webhook")),
        raw=raw,
    )


def read_instant(value: Any) -> datetime:
    """An RFC 3339 time with any number of fraction digits, in UTC."""
    try:
        instant = datetime.fromisoformat(value)
        return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
    except (TypeError, ValueError, OverflowError) as error:  # the last at either end of time
        raise MalformedPrediction(f"not a time: {value!r}") from error


def expires_at(raw: dict[str, Any]) -> datetime | None:
    """When Replicate deletes the files and the rest of an ended prediction, as far as it tells."""
    try:
        return read_instant(raw.get("completed_at")) + KEPT
    except MalformedPrediction:
        return None


def richer(known: dict[str, Any] | None, news: dict[str, Any]) -> dict[str, Any]:
    """The two answers about one prediction made one: the later state, and nothing forgotten.

    An ended prediction does not run again, whatever an old message says, and Replicate's clearing
    of input, output and logs after an hour (`data_removed`) empties nothing that we have.
    """
    if known is None:
        return news
    if known["status"] in ENDED and (
        news["status"] not in ENDED or known["status"] != news["status"]
    ):
        return known
    if known["status"] == "processing" and news["status"] == "starting":
        return known
    if known["status"] not in ENDED and news.get("data_removed"):
        known = {**known, "output": None}  # what a running model had so far is no output
    kept = {key: value for key, value in known.items() if news.get(key) in (None, "", {}, [])}
    return {**news, **kept}


def remnant(raw: dict[str, Any]) -> dict[str, Any]:
    """What may be kept of a prediction whose job was deleted: which it was, and how it stands."""
    return {name: raw[name] for name in ("id", "status", "created_at")}


def _written(value: Any) -> bytes | None:
    """It as JSON, if it surely is such as can be; quick, since almost everything can."""
    try:
        return orjson.dumps(value)
    except TypeError:  # half a character, deeper than 254 levels, a number beyond 64 bits
        return None


def _flatten(raw: dict[str, Any]) -> None:
    """Put what lies too deep in its place as JSON text. No recursion, which it is to be safe of."""
    left: list[tuple[Any, int]] = [(raw, 1)]
    while left:
        outer, depth = left.pop()
        for place, inner in list(outer.items() if isinstance(outer, dict) else enumerate(outer)):
            if isinstance(inner, dict | list):
                if depth > DEEPEST:
                    outer[place] = json.dumps(inner)
                else:
                    left.append((inner, depth + 1))


def _unicode(value: Any) -> Any:
    """The value with halves of surrogate pairs replaced: JSON may spell them, no text may."""
    if isinstance(value, str):
        return value if value.isascii() else value.encode(errors="replace").decode()
    if isinstance(value, dict):
        return {_unicode(key): _unicode(inner) for key, inner in value.items()}
    return [_unicode(inner) for inner in value] if isinstance(value, list) else value


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
