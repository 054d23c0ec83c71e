"""Readiness: each server we need is asked, all at once, and none may make the answer late."""

import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import structlog
from redis import Redis

from fixative.media.bucket import Bucket
from fixative.postgres.engine import Database, ask

PATIENCE = 2.0

log = structlog.get_logger(__name__)


class Readiness:
    """Asks the servers. One that hangs keeps one thread of its own, and is away meanwhile."""

    def __init__(self, database: Database, redis: Redis, bucket: Bucket) -> None:
        self._checks: Mapping[str, Callable[[], object]] = {
            "postgres": lambda: ask(database),
            "redis": redis.ping,
            "bucket": bucket.check,
        }
        self._threads = {name: ThreadPoolExecutor(1, name) for name in self._checks}

    def look(self) -> dict[str, Any]:
        """Each server's `status`, ok or away, and the milliseconds it took."""
        began = time.monotonic()
        asked = {
            name: self._threads[name].submit(_timed, check) for name, check in self._checks.items()
        }
        return {name: _result(name, future, began) for name, future in asked.items()}


def _timed(check: Callable[[], object]) -> float:
    began = time.monotonic()
    check()
    return time.monotonic() - began


def _result(name: str, future: "Future[float]", began: float) -> dict[str, Any]:
    try:
        seconds = future.result(max(0.0, began + PATIENCE - time.monotonic()))
    except Exception as error:  # noqa: BLE001 - whatever it is, the server does not serve us
        future.cancel()
        log.warning("dependency_away", dependency=name, reason=f"{type(error).__name__}: {error}")
        return {"status": "away", "ms": round((time.monotonic() - began) * 1000)}
    return {"status": "ok", "ms": round(seconds * 1000)}
