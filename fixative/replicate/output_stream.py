"""What a running prediction puts out, as Replicate streams it: Server-Sent Events."""

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import httpx
from httpx_sse import EventSource, ServerSentEvent, SSEError

from fixative.errors import NoAnswer, NotSent, Refused
from fixative.hosts import AllowedHosts

HOSTS = ("*.replicate.com", "*.replicate.net")  # seen in recorded answers
HEADERS = {"Accept": "text/event-stream", "Cache-Control": "no-store"}
TIMEOUT = httpx.Timeout(connect=5, read=15, write=5, pool=5)
CONNECTIONS = 250


class OutputStreams:
    """Opens streams at Replicate's own hosts. Safe to use from many threads.

    Their addresses need no token, and get none.
    """

    def __init__(self, base_url: str) -> None:
        origin = urlsplit(base_url)
        self._allowed = AllowedHosts((*HOSTS, f"{origin.scheme}://{origin.netloc}"))
        limits = httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=0)
        self._client = httpx.Client(timeout=TIMEOUT, limits=limits, trust_env=False)

    @contextmanager
    def open(self, url: str) -> Iterator[Iterator[ServerSentEvent]]:
        """The events from the first on, which end where Replicate ends or cuts the stream.

        Raises OutputForbidden for an address elsewhere; NotSent, NoAnswer or Refused, also while
        the events are read.
        """
        self._allowed.target(url)
        try:
            with self._client.stream("GET", url, headers=HEADERS) as answer:
                if not answer.is_success:
                    raise Refused(answer.status_code, "no stream")
                yield EventSource(answer).iter_sse()
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise NotSent(f"{type(error).__name__}: {error}") from error
        except (httpx.HTTPError, SSEError) as error:
            raise NoAnswer(f"{type(error).__name__}: {error}") from error
