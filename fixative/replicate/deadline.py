"""A network on which all that one call does ends by one deadline.

HTTP clients limit each step, and a step is a `recv`: an answer that drips a byte at a time never
ends. httpcore lets us bring the network it works on, and there every step gets what is left.
"""

import ssl
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import httpcore

PIECE = 16 * 2**10  # a step of writing: sent whole or not within its time


class Deadline(threading.local):
    """When the call that this thread is making has to be over."""

    at: float | None = None
    begin_by: float | None = None

    @contextmanager
    def within(self, seconds: float, begin_by: float | None = None) -> Iterator[None]:
        """All network steps in this block end so many seconds from now.

        Its first byte is written by `begin_by` (monotonic), where given, or never.
        """
        self.at = time.monotonic() + seconds
        self.begin_by = begin_by
        try:
            yield
        finally:
            self.at = self.begin_by = None

    def begin(self) -> None:
        """The last look before a byte is written. Raises httpcore.ConnectTimeout: none was."""
        if self.begin_by is not None and time.monotonic() > self.begin_by:
            raise httpcore.ConnectTimeout("too late to begin")
        self.begin_by = None

    def clamp(self, timeout: float | None, late: type[Exception]) -> float | None:
        """The step's own time-out or what is left, whichever is less. Raises `late` if none is."""
        if self.at is None:
            return timeout
        left = self.at - time.monotonic()
        if left <= 0:
            raise late("the call has taken its total time")
        return left if timeout is None else min(timeout, left)


class Network(httpcore.NetworkBackend):
    """TCP whose every step keeps to the deadline."""

    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline
        self._inner = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect; the time-out is for each of the host's addresses."""
        timeout = self._deadline.clamp(timeout, httpcore.ConnectTimeout)
        stream = self._inner.connect_tcp(host, port, timeout, local_address, socket_options)
        return Stream(stream, self._deadline)


class Stream(httpcore.NetworkStream):
    """A connection whose every step keeps to the deadline."""

    def __init__(self, inner: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._inner = inner
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """What has come, at least a byte; none at the end."""
        return self._inner.read(max_bytes, self._deadline.clamp(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send it all, in pieces, since the time-out starts again whenever a bit was taken."""
        self._deadline.begin()
        for start in range(0, len(buffer), PIECE):
            left = self._deadline.clamp(timeout, httpcore.WriteTimeout)
            self._inner.write(buffer[start : start + PIECE], left)

    def close(self) -> None:
        """Close it; nothing is waited for."""
        self._inner.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        """The same connection, with TLS; the handshake is one step."""
        timeout = self._deadline.clamp(timeout, httpcore.ConnectTimeout)
        secured = self._inner.start_tls(ssl_context, server_hostname, timeout)
        return Stream(secured, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        """What httpcore asks of the socket."""
        return self._inner.get_extra_info(info)
