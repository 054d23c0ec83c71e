"""Fetching: one output file as a stream of chunks, from where we may, or an error that says why."""

import base64
import ssl
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from urllib.parse import unquote_to_bytes

import httpx

from fixative.errors import OutputForbidden, OutputTooLarge
from fixative.hosts import AllowedHosts
from fixative.media.addresses import Dial, Resolve, dial, resolve
from fixative.media.ask import Asker
from fixative.media.outside import Outside
from fixative.media.transfer import PAUSES, Transfer
from fixative.replicate.deadline import Deadline

TOTAL_SECONDS = 3600.0  # after an hour Replicate has deleted the file anyway


@dataclass(frozen=True)
class Download:
    """A file under way: what its host says of its type and length in bytes, and its bytes."""

    declared_type: str | None
    announced: int | None
    chunks: Iterator[bytes]


class Fetcher:
    """Fetches files from the allowed hosts, in constant memory. Safe to use from many threads.

    A download has connections of its own and takes at most `total_seconds`, resolving, redirects,
    pauses and its reader's own time included. `tls` verifies by this system's roots unless given.
    """

    def __init__(
        self,
        allowed: AllowedHosts,
        max_bytes: int,
        *,
        total_seconds: float = TOTAL_SECONDS,
        pauses: tuple[float, ...] = PAUSES,
        resolve: Resolve = resolve,
        dial: Dial = dial,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.allowed = allowed
        self._max_bytes = max_bytes
        self._total_seconds = total_seconds
        self._pauses = pauses
        outside = Outside(tls or httpx.create_ssl_context(), resolve, dial)
        self._asker = Asker(allowed, outside)

    @contextmanager
    def open(self, url: str) -> Iterator[Download]:
        """The file behind a data: URI or an allowed URL; it is read in the thread that opened it.

        Raises OutputForbidden, OutputExpired, OutputUnreachable or OutputTooLarge, also while
        its chunks are read: when they end, the file was whole.
        """
        if url.startswith("data:"):
            yield self._read_data_uri(url)
            return
        deadline = Deadline()
        ask = partial(self._asker.ask, url, deadline=deadline)
        with deadline.within(self._total_seconds), ask({}) as first:
            transfer = Transfer(
                ask, first, deadline, max_bytes=self._max_bytes, pauses=self._pauses
            )
            with closing(transfer.chunks()) as chunks:
                yield Download(first.headers.get("content-type"), transfer.announced, chunks)

    def _read_data_uri(self, url: str) -> Download:
        """The bytes of a data: URI (RFC 2397)."""
        head, _, data = url.removeprefix("data:").partition(",")
        declared, *parameters = head.split(";")
        content = unquote_to_bytes(data)
        try:
            if "base64" in (parameter.strip().lower() for parameter in parameters):
                content = base64.b64decode(b"".join(content.split()), validate=True)
        except ValueError as error:
            raise OutputForbidden(f"not a readable data: URI: {error}") from error
        if len(content) > self._max_bytes:
            raise OutputTooLarge(f"{len(content)} bytes, more than {self._max_bytes}")
        return Download(declared or "text/plain", len(content), iter([content]))
