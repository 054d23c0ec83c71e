"""Fetching: one output file as a stream of chunks, held against the length it announced."""

import base64
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

import httpx

from fixative.errors import OutputExpired, OutputForbidden, OutputTooLarge, OutputUnreachable
from fixative.media.hosts import AllowedHosts

TOTAL_SECONDS = 3600  # after an hour Replicate has deleted the file anyway
GONE = frozenset({403, 404, 410})
TIMEOUT = httpx.Timeout(connect=5, read=30, write=10, pool=30)


@dataclass(frozen=True)
class Download:
    """A file under way: what its host says it is, and its bytes."""

    declared_type: str | None
    chunks: Iterator[bytes]


class Fetcher:
    """Fetches files from the allowed hosts. Safe to use from many threads."""

    def __init__(self, allowed: AllowedHosts, max_bytes: int) -> None:
        self.allowed = allowed
        self._max_bytes = max_bytes
        # No credentials, no cookies, no redirects: an output's host learns nothing of ours.
        self._client = httpx.Client(timeout=TIMEOUT, headers={"Accept-Encoding": "identity"})

    def close(self) -> None:
        """Close the connections that are idle."""
        self._client.close()

    @contextmanager
    def open(self, url: str) -> Iterator[Download]:
        """The file behind a data: URI or an allowed URL.

        Raises OutputForbidden, OutputExpired, OutputUnreachable or OutputTooLarge, also while
        its chunks are read: when they end, the file was whole.
        """
        if url.startswith("data:"):
            yield _read_data_uri(url)
            return
        if not self.allowed.allows(url):
            raise OutputForbidden(f"outputs are not fetched from {url[:200]}")
        try:
            with self._client.stream("GET", url) as response:
                _check(response)
                yield Download(response.headers.get("content-type"), self._whole(response))
        except (httpx.InvalidURL, UnicodeError) as error:
            raise OutputForbidden(f"not a URL: {error}") from error
        except httpx.HTTPError as error:
            raise OutputUnreachable(f"{type(error).__name__}: {error}") from error

    def _whole(self, response: httpx.Response) -> Iterator[bytes]:
        """The body's chunks; raises if it is too large, too slow, or not as long as announced."""
        announced = response.headers.get("content-length")
        deadline = time.monotonic() + TOTAL_SECONDS
        received = 0
        for chunk in response.iter_raw():  # as it comes, so that a trickle meets the deadline
            received += len(chunk)
            if received > self._max_bytes:
                raise OutputTooLarge(f"more than {self._max_bytes} bytes")
            if time.monotonic() > deadline:
                raise OutputUnreachable(f"not whole within {TOTAL_SECONDS} s")
            yield chunk
        if announced is not None and received != int(announced):
            raise OutputUnreachable(f"{received} of {announced} bytes came")


def _check(response: httpx.Response) -> None:
    if response.status_code in GONE:
        raise OutputExpired(f"{response.status_code} from {response.url.host}")
    if response.status_code != httpx.codes.OK:
        raise OutputUnreachable(f"{response.status_code} from {response.url.host}")


def _read_data_uri(url: str) -> Download:
    """The bytes of a data: URI (RFC 2397)."""
    head, _, data = url.removeprefix("data:").partition(",")
    declared, *parameters = head.split(";")
    try:
        content = base64.b64decode(data) if "base64" in parameters else unquote_to_bytes(data)
    except ValueError as error:
        raise OutputForbidden(f"not a readable data: URI: {error}") from error
    return Download(declared or "text/plain", iter([content]))
