"""A steady load over HTTP: jobs handed in at a pace, and followed to their ends by the API alone.

An answer's time counts from when its request was due, so that a system that is slow cannot hide it
by being asked less.
"""

import json
import ssl
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from itertools import count
from typing import Any
from urllib.parse import urlsplit

CONNECTIONS = 16
TIMEOUT_SECONDS = 30
# How it shows that a kept connection was closed; RemoteDisconnected is one of the first.
CLOSED = (ConnectionResetError, BrokenPipeError, ssl.SSLEOFError, ssl.SSLZeroReturnError)
ACCEPTED = 202  # 200 would say that it was taken before, and its answer lost


@dataclass(frozen=True)
class Target:
    """A running system, and the job that it is given again and again."""

    url: str
    key: str
    body: Mapping[str, Any]
    tls: ssl.SSLContext | None = None


@dataclass(frozen=True)
class Handed:
    """What became of one request; instants are seconds since 1970."""

    due_at: float
    seconds: float
    job_id: str | None = None
    created_at: str = ""
    problem: str | None = None
    again: bool = False  # its kept connection had been closed: it was sent once more


class Connection:
    """One kept connection, made again when it was closed while nothing was asked on it."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._http: HTTPConnection | None = None

    def ask(
        self, method: str, path: str, body: str | None = None, **headers: str
    ) -> tuple[int, bytes, bool]:
        """Status, body, and whether it was sent twice. Raises OSError, HTTPException."""
        kept = self._http is not None
        try:
            return *self._once(method, path, body, headers), False
        except CLOSED:
            if not kept:
                raise
            return *self._once(method, path, body, headers), True

    def close(self) -> None:
        """Close it; the next question opens it again."""
        if self._http:
            self._http.close()
        self._http = None

    def _once(
        self, method: str, path: str, body: str | None, headers: Mapping[str, str]
    ) -> tuple[int, bytes]:
        if self._http is None:
            self._http = self._open()
        all_ = {"Authorization": f"Bearer {self._target.key}", **headers}
        if body is not None:
            all_["Content-Type"] = "application/json"
        try:
            self._http.request(method, path, body, all_)
            answer = self._http.getresponse()
        except BaseException:
            self.close()
            raise
        try:
            text = answer.read()
        except (OSError, HTTPException) as error:
            self.close()
            raise HTTPException(f"cut off in the middle of an answer: {error}") from error
        if answer.will_close:
            self.close()
        return answer.status, text

    def _open(self) -> HTTPConnection:
        at = urlsplit(self._target.url)
        assert at.hostname
        if at.scheme == "https":
            tls = self._target.tls
            return HTTPSConnection(at.hostname, at.port, timeout=TIMEOUT_SECONDS, context=tls)
        return HTTPConnection(at.hostname, at.port, timeout=TIMEOUT_SECONDS)


@dataclass
class Load:
    """Jobs handed in at `rate` a second for as long as the block of `running` lasts."""

    target: Target
    rate: float
    connections: int = CONNECTIONS
    label: str = field(default_factory=lambda: f"load-{uuid.uuid4().hex[:8]}")
    handed: list[Handed] = field(default_factory=list)
    ended: dict[str, tuple[str, float]] = field(default_factory=dict)  # status, seconds it took
    lookups_failed: int = 0
    _over: threading.Event = field(default_factory=threading.Event)

    @property
    def problems(self) -> list[str]:
        """What was answered otherwise than it should be."""
        return [each.problem for each in self.handed if each.problem]

    @property
    def open(self) -> list[Handed]:
        """Those accepted whose end is not known."""
        return [each for each in self.handed if each.job_id and each.job_id not in self.ended]

    @contextmanager
    def running(self) -> Iterator["Load"]:
        """Hand in, beside the block; when it ends, what is under way is answered first."""
        start, numbers = time.time(), count()
        with ThreadPoolExecutor(self.connections) as threads:
            handing: list[Future[None]] = [
                threads.submit(self._hand_in, start, numbers) for _ in range(self.connections)
            ]
            try:
                yield self
            finally:
                self._over.set()
        for each in handing:
            each.result()

    def look(self, connection: Connection) -> None:
        """Learn of ends, from the list of jobs since the oldest that is open."""
        if not (waiting := self.open):
            return
        since = min(each.created_at for each in waiting)
        query = f"/jobs?label={self.label}&limit=200&created_after={since}"
        more: str | None = ""
        try:
            while more is not None:
                status, text, _ = connection.ask("GET", query + more)
                if status != 200:
                    self.lookups_failed += 1
                    return
                page = json.loads(text)
                for job in page["items"]:
                    if job["completed_at"]:
                        took = _instant(job["completed_at"]) - _instant(job["created_at"])
                        self.ended[job["id"]] = (job["status"], took)
                more = page["next"] and f"&cursor={page['next']}"
        except (OSError, HTTPException):
            self.lookups_failed += 1

    def _hand_in(self, start: float, numbers: Iterator[int]) -> None:
        connection = Connection(self.target)
        body = json.dumps({**self.target.body, "label": self.label})
        while True:
            due = start + next(numbers) / self.rate
            if self._over.wait(max(0.0, due - time.time())):
                break
            self.handed.append(_hand_in(connection, body, due))
        connection.close()


def _hand_in(connection: Connection, body: str, due: float) -> Handed:
    key = {"Idempotency-Key": uuid.uuid4().hex}
    try:
        status, text, again = connection.ask("POST", "/jobs", body, **key)
    except (OSError, HTTPException) as error:
        problem = f"{type(error).__name__}: {error}"
        return Handed(due, time.time() - due, problem=problem)
    seconds = time.time() - due
    if status != ACCEPTED:
        return Handed(due, seconds, problem=f"{status}: {text[:200]!r}", again=again)
    job = json.loads(text)
    return Handed(due, seconds, job["id"], job["created_at"], again=again)


def _instant(told: str) -> float:
    return datetime.fromisoformat(told).timestamp()
