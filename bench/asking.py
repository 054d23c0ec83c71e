"""HTTP requests prepared beforehand and sent over a few kept connections, as fast as they go."""

import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from http.client import HTTPConnection
from itertools import count
from statistics import quantiles

CONNECTIONS = 4


@dataclass(frozen=True)
class Ask:
    """A request, and the status that answers it."""

    method: str
    path: str
    status: int
    body: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Answers:
    """How long all took, and each, in seconds."""

    seconds: float
    each: Sequence[float]

    @property
    def per_second(self) -> float:
        """How many were answered in a second."""
        return len(self.each) / self.seconds

    def percentile(self, percent: int) -> float:
        """Milliseconds, of at least two answers."""
        cuts = quantiles((1000 * each for each in self.each), n=100, method="inclusive")
        return cuts[percent - 1]


def saturate(port: int, asks: Sequence[Ask]) -> Answers:
    """Send all over `CONNECTIONS` connections, each waiting for its answer before the next.

    Raises RuntimeError at an answer with another status.
    """
    numbers, began = count(), time.perf_counter()
    with ThreadPoolExecutor(CONNECTIONS) as threads:
        some = threads.map(lambda _: list(_some(port, asks, numbers)), range(CONNECTIONS))
        each = [seconds for answers in some for seconds in answers]
    return Answers(time.perf_counter() - began, each)


def steadily(port: int, asks: Sequence[Ask], per_second: float) -> Answers:
    """Send one after another over one connection, at a steady rate at most."""
    began, each = time.perf_counter(), []
    with _connected(port) as connection:
        for number, ask in enumerate(asks):
            time.sleep(max(0.0, began + number / per_second - time.perf_counter()))
            each.append(_answered(connection, ask))
    return Answers(time.perf_counter() - began, each)


def answered(port: int, ask: Ask) -> tuple[bytes, Mapping[str, str]]:
    """Send one, and tell its body and its headers."""
    with _connected(port) as connection:
        connection.request(ask.method, ask.path, ask.body, dict(ask.headers))
        told = connection.getresponse()
        return told.read(), dict(told.headers)


def _some(port: int, asks: Sequence[Ask], numbers: Iterator[int]) -> Iterator[float]:
    with _connected(port) as connection:
        while (number := next(numbers)) < len(asks):
            yield _answered(connection, asks[number])


def _connected(port: int) -> closing[HTTPConnection]:
    return closing(HTTPConnection("127.0.0.1", port, timeout=30))


def _answered(connection: HTTPConnection, ask: Ask) -> float:
    began = time.perf_counter()
    connection.request(ask.method, ask.path, ask.body, dict(ask.headers))
    told = connection.getresponse()
    text = told.read()
    if told.status != ask.status:
        raise RuntimeError(f"{ask.method} {ask.path} was answered {told.status}: {text[:500]!r}")
    return time.perf_counter() - began
