"""Pages of Replicate's list, the next one asked for while the last one is worked on."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import structlog

from fixative.errors import FixativeError, Refused, ReplicateError
from fixative.replicate.client import Replicate

THROTTLED = 429
UNTOLD_SECONDS = 5.0  # to wait after a 429 that names no time
SHORTEST_SECONDS = 0.05
TRIES = 3
PAUSE_SECONDS = 1.0  # after the first of them, twice as long after the second
STILL_HERE_SECONDS = 5.0  # between two words of life to whoever waits
FINAL = frozenset({400, 401, 402, 403, 404, 422})

log = structlog.get_logger(__name__)


class Stopped(FixativeError):
    """This process is asked to end; the work is left for another."""


@dataclass(frozen=True)
class Page:
    """A page of a list, newest first."""

    query: str
    items: list[Any]
    following: str | None  # the query of the page after it; None: this is the last


class Reader:
    """Reads one page at a time, in a thread of its own; use it as a context.

    `still_here` is called every few seconds while a page is waited for.
    """

    def __init__(
        self, replicate: Replicate, stopping: threading.Event, still_here: Callable[[], None]
    ) -> None:
        self._replicate = replicate
        self._stopping = stopping
        self._still_here = still_here
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="history")
        self._asked: tuple[str, Future[Page]] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # A page that is on its way may take a minute: whoever is asked to end does not stay for it.
        self._thread.shutdown(wait=not self._stopping.is_set(), cancel_futures=True)

    def ask(self, query: str) -> None:
        """Begin to read this page."""
        self._asked = query, self._thread.submit(self._read, query)

    def page(self, query: str) -> Page:
        """The page of this query. What Replicate has no time for now is waited for.

        Raises NotSent, NoAnswer or Refused after three tries, at once where another cannot help;
        and Stopped.
        """
        tries = 0
        while True:
            try:
                return self._answer(query)
            except ReplicateError as error:
                if isinstance(error, Refused) and error.status == THROTTLED:
                    told = error.retry_after
                    wait = UNTOLD_SECONDS if told is None else max(told, SHORTEST_SECONDS)
                    log.info("history_waits_for_its_pace", seconds=wait)
                elif is_final(error) or (tries := tries + 1) == TRIES:
                    raise
                else:
                    wait = PAUSE_SECONDS * tries
                    log.warning("history_page_not_read", error=str(error), again_in=wait)
            self._wait(wait)

    def _answer(self, query: str) -> Page:
        self._stop_if_asked()
        if self._asked is None or self._asked[0] != query:
            self.ask(query)
        assert self._asked is not None  # noqa: S101
        _, answer = self._asked
        while True:
            self._stop_if_asked()
            try:
                return answer.result(STILL_HERE_SECONDS)
            except TimeoutError:
                self._still_here()
            except ReplicateError:
                self._asked = None
                raise

    def _read(self, query: str) -> Page:
        items, following = self._replicate.page(query)
        return Page(query, items, following)

    def _stop_if_asked(self) -> None:
        if self._stopping.is_set():
            raise Stopped("this process is asked to end")

    def _wait(self, seconds: float) -> None:
        while seconds > 0:
            self._still_here()
            self._stopping.wait(min(seconds, STILL_HERE_SECONDS))
            self._stop_if_asked()
            seconds -= STILL_HERE_SECONDS


def is_final(error: ReplicateError) -> bool:
    """Whether the same request would be refused again."""
    return isinstance(error, Refused) and error.status in FINAL
