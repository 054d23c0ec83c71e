"""One POST to a subscriber: to public addresses only, in so many seconds, without redirects."""

import ssl
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass

import httpcore

from fixative.errors import NotTold, OutputForbidden, OutputUnreachable
from fixative.hosts import AllowedHosts
from fixative.media.addresses import Dial, PublicNetwork, Resolve, dial, resolve
from fixative.replicate.deadline import Deadline

TOTAL_SECONDS = 10.0
TIMEOUT = dict.fromkeys(("connect", "read", "write", "pool"), 5.0)
HEADERS = {"Content-Type": "application/json", "User-Agent": "fixative"}
LONGEST_RETRY_AFTER = 3600.0
OK = range(200, 300)
TROUBLE = (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException)


@dataclass(frozen=True)
class Answer:
    """What a subscriber answered; `retry_after` in seconds, an hour at most."""

    status: int
    retry_after: float

    @property
    def taken(self) -> bool:
        """Whether it took what it was told."""
        return self.status in OK


class Poster:
    """Posts to allowed hosts. Knows no proxy: nothing is taken from the environment."""

    def __init__(
        self,
        allowed: AllowedHosts,
        *,
        total_seconds: float = TOTAL_SECONDS,
        resolve: Resolve = resolve,
        dial: Dial = dial,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._allowed = allowed
        self._total_seconds = total_seconds
        self._resolve = resolve
        self._dial = dial
        self._tls = tls or ssl.create_default_context()

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """What it answers, of which the body is not read.

        Raises NotTold: where none came, or the address may not be called.
        """
        deadline = Deadline()
        try:
            target = self._allowed.target(url)
            network = PublicNetwork(
                self._resolve, self._dial, deadline, any_address=target.is_named
            )
            origin = httpcore.Origin(target.scheme.encode(), target.host.encode(), target.port)
            with (
                deadline.within(self._total_seconds),
                httpcore.HTTPConnection(
                    origin, ssl_context=self._tls, network_backend=network
                ) as connection,
            ):
                request = httpcore.Request(
                    "POST",
                    httpcore.URL(
                        scheme=target.scheme,
                        host=target.host,
                        port=target.port,
                        target=target.path,
                    ),
                    headers=[
                        ("Host", target.authority),
                        ("Content-Length", str(len(body))),
                        *HEADERS.items(),
                        *headers.items(),
                    ],
                    content=body,
                    extensions={"timeout": TIMEOUT},
                )
                with closing(connection.handle_request(request)) as response:
                    return _answer(response)
        except TROUBLE as error:
            raise NotTold(f"{type(error).__name__}: {error}") from error
        except (OutputForbidden, OutputUnreachable) as error:
            raise NotTold(str(error)) from error


def _answer(response: httpcore.Response) -> Answer:
    named = dict(response.headers).get(b"retry-after", b"")
    seconds = min(float(named), LONGEST_RETRY_AFTER) if named.isdigit() else 0.0
    return Answer(response.status, seconds)
