"""A server in the place of Replicate's: it answers what it is told to, and records what it gets."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.served import served


@dataclass(frozen=True)
class Received:
    """A request as it came."""

    method: str
    path: str
    headers: HTTPMessage
    body: bytes


@dataclass
class Reply:
    """What is answered: JSON, or a body as it is."""

    content: Any = None
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    content_type: str | None = "application/json"

    @property
    def body(self) -> bytes:
        if isinstance(self.content, bytes):
            return self.content
        return b"" if self.content is None else json.dumps(self.content).encode()


class Upstream(ThreadingHTTPServer):
    """Answers every request by `reply`."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.received: list[Received] = []
        self.reply = Reply({})
        self.cut = 0  # bytes left out at the end of each body

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that was broken off is what some tests are about."""


class _Handler(BaseHTTPRequestHandler):
    server: Upstream

    def answer(self) -> None:
        self.server.received.append(Received(self.command, self.path, self.headers, self._body()))
        reply = self.server.reply
        self.send_response(reply.status)
        for name, value in reply.headers:
            self.send_header(name, value)
        if reply.content_type:
            self.send_header("Content-Type", reply.content_type)
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body[: len(reply.body) - self.server.cut])

    def __getattr__(self, name: str) -> Callable[[], None]:
        """The same for every method."""
        if name.startswith("do_"):
            return self.answer
        raise AttributeError(name)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") == "chunked":
            return b"".join(iter(self._chunk, b""))
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _chunk(self) -> bytes:
        size = int(self.rfile.readline(), 16)
        return self.rfile.read(size + 2)[:size]

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


@contextmanager
def upstream_server() -> Iterator[Upstream]:
    """A server for the block."""
    with served(Upstream()) as server:
        yield server
