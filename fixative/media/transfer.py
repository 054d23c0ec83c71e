"""The bytes of one file over as many answers as it takes, proven whole at their end."""

import re
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import AbstractContextManager, ExitStack

from fixative.errors import OutputTooLarge, OutputUnreachable
from fixative.media.ask import FILE, PART, Answer
from fixative.media.outside import TROUBLE, told
from fixative.replicate.deadline import Deadline

Ask = Callable[[Mapping[str, str]], AbstractContextManager[Answer]]

# Seconds before each resume that follows another without progress; then it is given up.
PAUSES = (0.0, 0.25, 0.5, 1.0, 2.0)
PROGRESS = 64 * 2**10  # bytes
CONTENT_RANGE = re.compile(r"bytes ([0-9]{1,18})-[0-9]{1,18}/([0-9]{1,18})")


class Transfer:
    """A file under way, resumed where it was cut if its host can tell that it is the same file.

    Raises OutputTooLarge or OutputUnreachable, at once where the first answer tells. `announced`
    is its length in bytes, None when its host sends chunks and names none. A body that has neither
    a length nor chunks is not taken: that it ended cannot be told from that it was cut.
    """

    def __init__(
        self,
        ask: Ask,
        first: Answer,
        deadline: Deadline,
        *,
        max_bytes: int,
        pauses: tuple[float, ...],
    ) -> None:
        if first.status != FILE:
            raise OutputUnreachable(f"a part of the file, which was not asked for: {first.status}")
        self.announced = _length(first)
        if self.announced is not None and self.announced > max_bytes:
            raise OutputTooLarge(f"{self.announced} bytes, more than {max_bytes}")
        self._ask = ask
        self._first = first
        self._deadline = deadline
        self._max_bytes = max_bytes
        self._pauses = pauses
        self._received = 0

    def chunks(self) -> Generator[bytes, None, None]:
        """The bytes as they come; when they end, the file was whole."""
        resumed_at, pauses = 0, iter(self._pauses)
        cut = yield from self._read(self._first)
        while cut is not None:
            self._deadline.clamp(None, OutputUnreachable)
            if self._received - resumed_at >= PROGRESS:
                pauses = iter(self._pauses)
            resumed_at, pause, version = self._received, next(pauses, None), self._version()
            if pause is None or version is None:
                raise OutputUnreachable(f"cut after {resumed_at} bytes: {cut}")
            time.sleep(pause)
            cut = yield from self._resume(version)

    def _read(self, answer: Answer) -> Generator[bytes, None, str | None]:
        """The answer's bytes; returns what cut it short, if anything did."""
        try:
            for chunk in answer.stream:
                self._received += len(chunk)
                self._check_length()
                yield chunk
        except TROUBLE as error:
            return told(error)
        if self.announced is None or self._received == self.announced:
            return None
        return "no more came"

    def _resume(self, version: str) -> Generator[bytes, None, str | None]:
        """What follows the bytes that we have; returns what cut it short, if anything did."""
        headers = {"Range": f"bytes={self._received}-", "If-Range": version}
        with ExitStack() as stack:
            try:
                answer = stack.enter_context(self._ask(headers))
            except OutputUnreachable as error:
                return str(error)
            self._check_continues(answer)
            return (yield from self._read(answer))

    def _version(self) -> str | None:
        """What tells this file from any other of its URL; None: it cannot be resumed."""
        headers = self._first.headers
        if self.announced is None or headers.get("accept-ranges", "").lower() != "bytes":
            return None
        etag, modified = headers.get("etag"), headers.get("last-modified")
        version: str | None = modified if etag is None or etag.startswith("W/") else etag
        return version

    def _check_continues(self, answer: Answer) -> None:
        found = CONTENT_RANGE.fullmatch(answer.headers.get("content-range", ""))
        follows = (self._received, self.announced)
        if answer.status != PART or not found or (int(found[1]), int(found[2])) != follows:
            got = f"{answer.status} {answer.headers.get('content-range', '')}".strip()
            raise OutputUnreachable(f"not continued at byte {self._received}: {got[:200]!r}")
        for name in ("etag", "last-modified"):
            before = self._first.headers.get(name)
            if answer.headers.get(name, before) != before:
                raise OutputUnreachable(f"the file changed while it was fetched: its {name} did")

    def _check_length(self) -> None:
        if self._received > self._max_bytes:
            raise OutputTooLarge(f"more than {self._max_bytes} bytes")
        if self.announced is not None and self._received > self.announced:
            raise OutputUnreachable(f"more than the {self.announced} bytes that were announced")


def _length(answer: Answer) -> int | None:
    """The length that was announced; None when the body is in chunks, which tell their end."""
    if "transfer-encoding" in answer.headers:
        return None
    if "content-length" not in answer.headers:
        raise OutputUnreachable("neither a length nor chunks: its end would look like a cut")
    return int(answer.headers["content-length"])
