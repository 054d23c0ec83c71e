"""Readiness: each server we need is asked, all at once, and none may make the answer late."""

import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

import structlog
from redis import Redis

from fixative.media.bucket import Bucket
from fixative.postgres.engine import Database, ask
from fixative.postgres.presence import deaf as hear_nothing
from fixative.postgres.presence import live

PATIENCE = 2.0

Result = TypeVar("Result")

log = structlog.get_logger(__name__)


class Readiness:
    """Asks the servers. One that hangs keeps one thread of its own, and is away meanwhile."""

    def __init__(self, database: Database, redis: Redis, bucket: Bucket) -> None:
        self._checks: Mapping[str, Callable[[], object]] = {
            "postgres": lambda: ask(database),
            "redis": redis.ping,
            "bucket": bucket.check,
        }
        self._database = database
        self._threads = {name: ThreadPoolExecutor(1, name) for name in (*self._checks, "workers")}

    def look(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """The servers and the workers, within about two seconds.

        Each server's `status`, ok or away, and the milliseconds it took. Whether workers live
        and hear: `unknown` when Postgres does not say it in time.
        """
        began = time.monotonic()
        asked = {
            name: self._threads[name].submit(_timed, check) for name, check in self._checks.items()
        }
        workers = self._threads["workers"].submit(self._workers)
        servers = {name: _result(name, future, began) for name, future in asked.items()}
        try:
            return servers, _in_time(workers, began)
        except Exception as error:  # noqa: BLE001 - nobody knows, which is what is answered
            log.warning("workers_unknown", reason=f"{type(error).__name__}: {error}")
            return servers, {"status": "unknown", "deaf": []}

    def _workers(self) -> dict[str, Any]:
        with self._database.begin() as session:
            there, deaf = live(session), hear_nothing(session)
        return {"status": "deaf" if deaf else "ok" if there else "none", "deaf": deaf}


def _timed(check: Callable[[], object]) -> float:
    began = time.monotonic()
    check()
    return time.monotonic() - began


def _result(name: str, future: "Future[float]", began: float) -> dict[str, Any]:
    try:
        seconds = _in_time(future, began)
    except Exception as error:  # noqa: BLE001 - whatever it is, the server does not serve us
        log.warning("dependency_away", dependency=name, reason=f"{type(error).__name__}: {error}")
        return {"status": "away", "ms": round((time.monotonic() - began) * 1000)}
    return {"status": "ok", "ms": round(seconds * 1000)}


def _in_time(future: "Future[Result]", began: float) -> Result:
    try:
        return future.result(max(0.0, began + PATIENCE - time.monotonic()))
    finally:
        future.cancel()
