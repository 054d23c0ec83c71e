"""A subscriber on this machine: a real HTTP server that keeps what it is told."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.served import served


class Listener(ThreadingHTTPServer):
    """Keeps what it is told, and answers `status`; or nothing for as long as it hangs."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.told: list[tuple[dict[str, str], bytes]] = []
        self.status = 200
        self.headers: dict[str, str] = {}
        self.hanging = threading.Event()
        self.reached = threading.Event()  # by a call that hangs
        self.woken = threading.Event()

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def url(self) -> str:
        return f"{self.origin}/hook"


class _Handler(BaseHTTPRequestHandler):
    server: Listener

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.server.hanging.is_set():
            self.server.reached.set()
            self.server.woken.wait(60)
            return
        # As every framework gives them; `verify` knows them by no other names.
        self.server.told.append(({name.lower(): v for name, v in self.headers.items()}, body))
        self.send_response(self.server.status)
        for name, value in {"Content-Length": "0", **self.server.headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def listening() -> Iterator[Listener]:
    """A subscriber that listens for a block."""
    with served(Listener()) as listener:
        try:
            yield listener
        finally:
            listener.woken.set()
