"""One request to the outside: on a connection of its own, to an address that was looked at."""

import ssl
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import httpcore

from fixative.errors import OutputUnreachable
from fixative.hosts import Target
from fixative.media.addresses import Dial, PublicNetwork, Resolve
from fixative.replicate.deadline import Deadline

TROUBLE = (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException)
USER_AGENT = ("User-Agent", "fixative")


@dataclass(frozen=True)
class Outside:
    """Sends requests. Knows no proxy: nothing is taken from the environment."""

    tls: ssl.SSLContext
    resolve: Resolve
    dial: Dial

    @contextmanager
    def answer(
        self,
        method: str,
        target: Target,
        headers: Iterable[tuple[str, str]],
        *,
        deadline: Deadline,
        timeout: Mapping[str, float],
        content: bytes | None = None,
    ) -> Iterator[httpcore.Response]:
        """What is answered, its body still to come; whose reading may raise what TROUBLE lists.

        Raises OutputForbidden for an address that is not public, OutputUnreachable without answer.
        """
        url = httpcore.URL(
            scheme=target.scheme, host=target.host, port=target.port, target=target.path
        )
        network = PublicNetwork(self.resolve, self.dial, deadline, any_address=target.is_named)
        request = httpcore.Request(
            method,
            url,
            headers=[("Host", target.authority), USER_AGENT, *headers],
            content=content,
            extensions={"timeout": dict(timeout)},
        )
        with httpcore.HTTPConnection(
            url.origin, ssl_context=self.tls, network_backend=network
        ) as connection:
            try:
                response = connection.handle_request(request)
            except TROUBLE as error:
                raise OutputUnreachable(f"{target.host}: {told(error)}") from error
            yield response


def told(error: Exception) -> str:
    """What went wrong, for people: some of httpcore's errors have no words of their own."""
    return f"{type(error).__name__}: {error}"
