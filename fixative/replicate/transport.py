"""The way to Replicate: a request is sent once, answered within a total time, or is our error.

It stands below the official client's transport, whose retries begin where a response comes back or
an error of httpx is raised: an error of ours passes through.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import httpcore
import httpx

from fixative.errors import NoAnswer, NotSent, Refused, ReplicateError
from fixative.replicate.deadline import Deadline, Network
from fixative.replicate.throttling import retry_after

BEGIN_BY = "begin_by"
WITHIN = "within"
KEEPALIVE_SECONDS = 5
CONNECTIONS = 64

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
    """

    def __init__(self, total_seconds: float) -> None:
        self._total_seconds = total_seconds
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
        begin_by = request.extensions.get(BEGIN_BY)
        seconds = request.extensions.get(WITHIN, self._total_seconds)
        with _translated(), self._deadline.within(seconds, begin_by):
            raw = self._pool.handle_request(_for_httpcore(request))
            try:
                content = raw.read()
            finally:
                raw.close()
            answer = httpx.Response(
                raw.status, headers=raw.headers, content=content, request=request
            )
        if not answer.is_success:
            raise _refusal(answer)
        return answer

    def close(self) -> None:
        """Close the connections that are idle."""
        self._pool.close()


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


def _refusal(response: httpx.Response) -> ReplicateError:
    """Replicate's errors are problem+json with `title`, `detail`, `status` (its docs, recorded)."""
    try:
        problem = response.json()
    except ValueError:
        problem = {}
    if not isinstance(problem, dict):
        problem = {}
    detail = problem.get("detail") or problem.get("title") or response.reason_phrase
    return Refused(
        response.status_code,
        str(detail).replace("\0", ""),
        retry_after=retry_after(problem, response.headers),
    )
