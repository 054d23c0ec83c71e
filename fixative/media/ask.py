"""One GET for a file, on a connection of its own; redirects are followed and looked at alike."""

import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urljoin

import httpcore
import httpx

from fixative.errors import OutputExpired, OutputForbidden, OutputUnreachable
from fixative.hosts import AllowedHosts, Target
from fixative.media.addresses import Dial, PublicNetwork, Resolve
from fixative.replicate.deadline import Deadline

TROUBLE = (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException)
TIMEOUT = {"connect": 5.0, "read": 30.0, "write": 10.0, "pool": 5.0}
# No credentials, no cookies: an output's host learns nothing of ours.
HEADERS = {"Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": "fixative"}

MOST_REDIRECTS = 3
REDIRECTS = frozenset({301, 302, 303, 307, 308})
GONE = frozenset({403, 404, 410})
FILE, PART = 200, 206


@dataclass(frozen=True)
class Answer:
    """A file or a part of it that has begun to come. Its stream may raise what TROUBLE lists."""

    status: int
    headers: httpx.Headers
    stream: Iterator[bytes]


@dataclass(frozen=True)
class Asker:
    """Asks allowed hosts for files. Knows no proxy: nothing is taken from the environment."""

    allowed: AllowedHosts
    tls: ssl.SSLContext
    resolve: Resolve
    dial: Dial

    @contextmanager
    def ask(self, url: str, headers: Mapping[str, str], deadline: Deadline) -> Iterator[Answer]:
        """A file or a part of it, as its bytes are.

        Raises OutputForbidden, OutputExpired or OutputUnreachable.
        """
        for _ in range(1 + MOST_REDIRECTS):
            target = self.allowed.target(url)
            with self._answer(target, headers, deadline) as answer:
                location = answer.headers.get("location")
                if answer.status not in REDIRECTS or location is None:
                    _check(answer, target.host)
                    yield answer
                    return
                url = _joined(url, location)
        raise OutputForbidden(f"redirected more than {MOST_REDIRECTS} times")

    @contextmanager
    def _answer(
        self, target: Target, headers: Mapping[str, str], deadline: Deadline
    ) -> Iterator[Answer]:
        url = httpcore.URL(
            scheme=target.scheme, host=target.host, port=target.port, target=target.path
        )
        network = PublicNetwork(self.resolve, self.dial, deadline, any_address=target.is_named)
        request = httpcore.Request(
            "GET",
            url,
            headers=[("Host", target.authority), *HEADERS.items(), *headers.items()],
            extensions={"timeout": TIMEOUT},
        )
        with httpcore.HTTPConnection(
            url.origin, ssl_context=self.tls, network_backend=network
        ) as connection:
            try:
                response = connection.handle_request(request)
            except TROUBLE as error:
                raise OutputUnreachable(f"{target.host}: {told(error)}") from error
            yield Answer(response.status, httpx.Headers(response.headers), response.iter_stream())


def told(error: Exception) -> str:
    """What went wrong, for people: some of httpcore's errors have no words of their own."""
    return f"{type(error).__name__}: {error}"


def _joined(url: str, location: str) -> str:
    try:
        return urljoin(url, location)
    except ValueError:  # whoever looks at it next refuses it as it stands
        return location


def _check(answer: Answer, host: str) -> None:
    if answer.status in GONE:
        raise OutputExpired(f"{answer.status} from {host}")
    if answer.status not in {FILE, PART}:
        raise OutputUnreachable(f"{answer.status} from {host}")
    encoding = answer.headers.get("content-encoding", "identity")
    if encoding.lower() != "identity":  # not asked for, and a bomb can hide in it
        raise OutputUnreachable(f"{host} sends {encoding[:40]!r}, not the file as it is")
