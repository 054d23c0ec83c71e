"""The stream of one prediction: its text as it comes, its files once they are ours, then the end.

An event's id tells how much was told with it and before: characters of text, and 1 for each file.
So a stream goes on where it broke, also from what is stored, however its text came in pieces.
"""

import re
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, suppress
from typing import Any

import structlog
from httpx_sse import ServerSentEvent

from api.answers import dump
from api.statuses import Status, Statuses
from api.streams import SIGN_OF_LIFE
from api.waiters import Waiter
from fixative.errors import DatabaseAway, Gone, NotFound, OutputForbidden, ReplicateError
from fixative.media.prediction_view import stream_at_replicate
from fixative.replicate.output_stream import OutputStreams

SIGN_OF_LIFE_SECONDS = 15.0
AGAIN_SECONDS = 1.0  # after a stream at Replicate broke
ENDS = ("done", "error")
FILES = ("https://", "http://", "data:")
LINES = re.compile(r"\r\n|\r|\n")

log = structlog.get_logger(__name__)


class PredictionStream:
    """The body of the answer, from `position` on.

    It ends early, and its client is to come back, when this process ends.
    """

    def __init__(
        self,
        job_id: uuid.UUID,
        position: int,
        *,
        statuses: Statuses,
        streams: OutputStreams,
        waiter: Waiter,
        closing: ExitStack,
    ) -> None:
        self._job_id = job_id
        self._position = position
        self._statuses = statuses
        self._streams = streams
        self._waiter = waiter
        self._closing = closing
        self._logs_told = 0  # characters
        self._all_heard = False  # what is left is told from what is stored

    def __iter__(self) -> Iterator[bytes]:
        with suppress(NotFound, Gone):  # deleted meanwhile
            status = self._look()
            if status is None or not status.ended:
                yield SIGN_OF_LIFE  # the headers go with it: nobody waits for those
            while status is None or not status.ended:
                if self._waiter.over:
                    return
                url = None if status is None or self._all_heard else stream_at_replicate(status.job)
                if url is None:
                    yield from self._wait(SIGN_OF_LIFE_SECONDS)
                else:
                    yield from self._relay(url)
                status = self._look()
            yield from self._news(_stored(status.job["output"]))
            yield from self._end(status.job)

    def close(self) -> None:
        """Give back its place; again is no harm."""
        self._closing.close()

    def _look(self) -> Status | None:
        """How the job stands; None while nobody knows."""
        with suppress(DatabaseAway):
            return self._statuses.read(self._job_id, None)
        return None

    def _wait(self, seconds: float) -> Iterator[bytes]:
        if not self._waiter.wait(time.monotonic() + seconds):
            yield SIGN_OF_LIFE

    def _relay(self, url: str) -> Iterator[bytes]:
        """Tell what Replicate streams, which is all from its beginning, until it ends or breaks."""
        try:
            with self._streams.open(url) as events:
                yield from self._news(self._heard(events))
        except OutputForbidden as error:
            self._all_heard = True
            log.warning("prediction_stream_elsewhere", reason=str(error))
        except ReplicateError as error:
            log.info("prediction_stream_broke", reason=str(error))
        yield from self._wait(AGAIN_SECONDS)

    def _heard(self, events: Iterator[ServerSentEvent]) -> Iterator[tuple[str, str]]:
        """Text and logs, up to the end, or to a file, before which nothing that follows is told."""
        for event in events:
            is_file = event.event == "output" and event.data.startswith(FILES)
            self._all_heard = is_file or event.event in ENDS
            if self._all_heard or self._waiter.over:
                return
            if event.event in {"output", "logs"}:
                yield event.event, event.data

    def _news(self, output: Iterable[tuple[str, str]]) -> Iterator[bytes]:
        """Of an output and logs from their beginning what was not told yet."""
        passed = logs_passed = 0
        for kind, text in output:
            if kind == "logs":
                logs_passed += len(text)
                if logs_passed > self._logs_told:
                    self._logs_told = logs_passed
                    yield _event(self._position, "logs", text)
                continue
            is_file = text.startswith(FILES)
            passed += 1 if is_file else len(text)
            if passed > self._position:
                unheard = text if is_file else text[self._position - passed :]
                self._position = passed
                yield _event(self._position, "output", unheard)

    def _end(self, job: dict[str, Any]) -> Iterator[bytes]:
        if job["status"] == "succeeded":
            yield _event(self._position, "done", "{}")
            return
        reason = "canceled"
        if job["status"] == "failed":
            reason = "error"
            yield _event(
                self._position, "error", dump({"detail": job["error"]["message"]}).decode()
            )
        yield _event(self._position, "done", dump({"reason": reason}).decode())


def _stored(output: Any) -> Iterator[tuple[str, str]]:
    """A job's output in pieces, as a stream tells them."""
    pieces = output if isinstance(output, list) else [] if output is None else [output]
    for piece in pieces:
        yield "output", piece if isinstance(piece, str) else dump(piece).decode()


def _event(position: int, name: str, text: str) -> bytes:
    lines = "".join(f"data: {line}\n" for line in LINES.split(text))
    return f"id: {position}\nevent: {name}\n{lines}\n".encode()
