"""The way to Replicate: a request is sent once, answered within a total time, or is our error.

It stands below the official client's transport, whose retries begin where a response comes back or
an error of httpx is raised: an error of ours passes through. Here alone is the token put into a
request, so that a rotated one is in the next (docs/adr/0027-rotated-secrets.md).
"""

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

import httpcore
import httpx
from pydantic import SecretStr

from fixative.errors import NoAnswer, NotSent, Refused
from fixative.replicate.deadline import Deadline, Network
from fixative.replicate.throttling import retry_after
from fixative.rotating import renewed

BEGIN_BY = "begin_by"
WITHIN = "within"
KEEPALIVE_SECONDS = 5
CONNECTIONS = 64
UNAUTHENTICATED = 401

NOT_SENT = (
    httpcore.ConnectError,
    httpcore.ConnectTimeout,
    httpcore.PoolTimeout,
    httpcore.UnsupportedProtocol,
)
NO_ANSWER = (
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.TimeoutException,
    httpx.DecodingError,
)


class Transport(httpx.BaseTransport):
    """Sends once, reads the whole answer within `total_seconds`, and raises our errors.

    httpcore has no retries here (its default), and goes on to another connection only where it has
    not yet written to the first. A kept connection that its server closes meanwhile is either seen
    closed before it is used, or has taken our bytes: then it is NoAnswer, and rightly.

    Once more is only sent what was refused with 401, which made nothing, when `token` has another
    value by then.
    """

    def __init__(self, total_seconds: float, token: SecretStr) -> None:
        self._total_seconds = total_seconds
        self._token = token
        self._deadline = Deadline()
        self._pool = httpcore.ConnectionPool(
            ssl_context=httpx.create_ssl_context(),
            max_connections=CONNECTIONS,
            max_keepalive_connections=CONNECTIONS,
            keepalive_expiry=KEEPALIVE_SECONDS,
            network_backend=Network(self._deadline),
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """The answer, if it is a success. Raises NotSent, NoAnswer or Refused.

        The extension `begin_by` is the instant (monotonic) after which nothing is to be sent;
        `within` are the seconds of a call that may take longer than others.
        """
        ends_at = time.monotonic() + request.extensions.get(WITHIN, self._total_seconds)
        raw = self._sent(request, ends_at)
        with _translated(), self._deadline.within(ends_at - time.monotonic()), closing(raw):
            answer = httpx.Response(
                raw.status, headers=raw.headers, content=raw.read(), request=request
            )
        if not answer.is_success:
            raise refusal(answer)
        return answer

    def open(self, request: httpx.Request) -> "Streamed":
        """The answer once it begins, whatever its status; to be closed. Raises NotSent, NoAnswer.

        Sent once, too. Whatever reading the request's content raises comes through.
        """
        ends_at = time.monotonic() + self._total_seconds
        return Streamed(self._sent(request, ends_at), self._deadline, ends_at)

    def close(self) -> None:
        """Close the connections that are idle."""
        self._pool.close()

    def _sent(self, request: httpx.Request, ends_at: float) -> httpcore.Response:
        """The answer as it begins, by the token that is valid now."""
        token = self._token.get_secret_value()
        raw = self._sent_with(token, request, ends_at)
        again = raw.status == UNAUTHENTICATED and isinstance(request.stream, httpx.ByteStream)
        if again and renewed(self._token, token):
            raw.close()
            raw = self._sent_with(self._token.get_secret_value(), request, ends_at)
        return raw

    def _sent_with(self, token: str, request: httpx.Request, ends_at: float) -> httpcore.Response:
        request.headers["Authorization"] = f"Bearer {token}"
        left, begin_by = ends_at - time.monotonic(), request.extensions.get(BEGIN_BY)
        with _translated(), self._deadline.within(left, begin_by):
            return self._pool.handle_request(_for_httpcore(request))


class Streamed:
    """An answer whose body comes as it is read, up to the end of the call's time."""

    def __init__(self, raw: httpcore.Response, deadline: Deadline, ends_at: float) -> None:
        self.status = raw.status
        self.headers = httpx.Headers(raw.headers)
        self._raw = raw
        self._deadline = deadline
        self._ends_at = ends_at

    def __iter__(self) -> Iterator[bytes]:
        """The body as it was sent; closed at its end. Raises NoAnswer where it breaks off."""
        pieces = self._raw.iter_stream()
        while True:
            with _translated(), self._deadline.within(self._ends_at - time.monotonic()):
                piece = next(pieces, None)
            if piece is None:
                return self.close()
            yield piece

    def read(self, most: int) -> httpx.Response:
        """All of it, decoded. Raises NoAnswer, also when it is longer than `most`."""
        content = bytearray()
        for piece in self:
            content += piece
            if len(content) > most:
                raise NoAnswer(f"an answer of more than {most} bytes")
        with _translated():
            return httpx.Response(self.status, headers=self.headers, content=bytes(content))

    def close(self) -> None:
        """Stop reading; again is no harm."""
        self._raw.close()


def _for_httpcore(request: httpx.Request) -> httpcore.Request:
    url = request.url
    return httpcore.Request(
        request.method,
        httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
        headers=request.headers.raw,
        content=request.stream,
        extensions=request.extensions,
    )


@contextmanager
def _translated() -> Iterator[None]:
    """Tell a request that cannot have been sent from one that may have arrived."""
    try:
        yield
    except NOT_SENT as error:
        raise NotSent(f"{type(error).__name__}: {error}") from error
    except NO_ANSWER as error:
        raise NoAnswer(f"{type(error).__name__}: {error}") from error


def refusal(response: httpx.Response) -> Refused:
    """Replicate's errors are problem+json with `title`, `detail`, `status` (its docs, recorded)."""
    try:
        problem = response.json()
    except (ValueError, RecursionError):
        problem = {}
    if not isinstance(problem, dict):
        problem = {}
    detail = problem.get("detail") or problem.get("title") or response.reason_phrase
    return Refused(
        response.status_code,
        str(detail).replace("\0", ""),
        retry_after=retry_after(problem, response.headers),
    )
