"""What Replicate itself says of a model: its latest version, what it takes, what it gives."""

import threading
import time
from dataclasses import dataclass, field, replace
from typing import Any

import structlog

from fixative.catalog.input_schemas import InputCheck, shown_schema
from fixative.errors import NotFound, Refused, ReplicateError
from fixative.replicate.client import Replicate

KEEP_SECONDS = 3600.0
KEEP_UNKNOWN_SECONDS = 60.0  # a model that is new is found after that
KEEP_AWAY_SECONDS = 15.0
ANSWER_SECONDS = 2.0  # so long, at most, a request is held up
MOST_KEPT = 2_000
LOCKS = 64
NOT_FOUND = 404

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class LiveModel:
    """A model as it is at Replicate."""

    version: str | None
    is_public: bool
    input_schema: Any
    output_schema: Any
    check: InputCheck | None  # None: it has no schema that could be used


@dataclass(frozen=True)
class _Kept:
    until: float
    model: LiveModel | None = None
    unknown: bool = False


@dataclass
class LiveModels:
    """Asks Replicate, remembers the answer for an hour, and never holds anybody up for long.

    One thread asks for a model at a time. While Replicate is away what was known of it counts on.
    """

    replicate: Replicate
    _kept: dict[tuple[str, str | None], _Kept] = field(default_factory=dict)
    _locks: list[threading.Lock] = field(
        default_factory=lambda: [threading.Lock() for _ in range(LOCKS)]
    )

    def find(
        self, model: str, version: str | None = None, *, anew: bool = False
    ) -> LiveModel | None:
        """The model, at its latest version or this one; None when that is not to be had now.

        With `anew` nothing that was remembered counts. Raises NotFound when Replicate knows no such
        model.
        """
        kept = self._kept.get((model, version))
        if kept is not None and anew:
            kept = self._kept[model, version] = replace(kept, until=0)
        if kept is None or kept.until < time.monotonic():
            kept = self._ask_in_turn((model, version), kept)
        if kept is not None and kept.unknown:
            raise NotFound(f"no model {model} at Replicate")
        return None if kept is None else kept.model

    def _ask_in_turn(self, key: tuple[str, str | None], kept: _Kept | None) -> _Kept | None:
        lock = self._locks[hash(key) % LOCKS]
        if not lock.acquire(timeout=ANSWER_SECONDS if kept is None else 0):
            return kept
        try:
            newer = self._kept.get(key)
            if newer is not None and newer.until >= time.monotonic():
                return newer
            if len(self._kept) >= MOST_KEPT:
                self._kept.clear()
            newest = self._kept[key] = self._ask(*key, kept)
            return newest
        finally:
            lock.release()

    def _ask(self, model: str, version: str | None, kept: _Kept | None) -> _Kept:
        owner, _, name = model.partition("/")
        try:
            answer = self.replicate.model(owner, name, version, within=ANSWER_SECONDS)
        except Refused as error:
            if error.status != NOT_FOUND:
                return _away(model, error, kept)
            # A version may be hidden and yet be run: whether it is there, the create tells.
            return _Kept(time.monotonic() + KEEP_UNKNOWN_SECONDS, unknown=version is None)
        except ReplicateError as error:
            return _away(model, error, kept)
        return _Kept(time.monotonic() + KEEP_SECONDS, _read(model, answer, pinned=version))


def _away(model: str, error: ReplicateError, kept: _Kept | None) -> _Kept:
    log.warning("model_not_looked_up", model=model, reason=str(error))
    known = None if kept is None else kept.model
    return _Kept(time.monotonic() + KEEP_AWAY_SECONDS, known)


def _read(model: str, answer: dict[str, Any], *, pinned: str | None) -> LiveModel:
    """Replicate's answer: a version, or the model with its latest one."""
    version = answer if pinned else answer.get("latest_version")
    version = version if isinstance(version, dict) else {}
    schema = version.get("openapi_schema")
    check = None
    try:
        check = InputCheck(schema)
    except (ValueError, RecursionError) as error:
        log.warning("model_schema_unusable", model=model, reason=str(error)[:200])
    told = version.get("id")
    return LiveModel(
        version=pinned or (told if isinstance(told, str) else None),
        is_public=answer.get("visibility") == "public",  # told of a model, not of a version
        input_schema=shown_schema(schema, "Input"),
        output_schema=shown_schema(schema, "Output"),
        check=check,
    )
