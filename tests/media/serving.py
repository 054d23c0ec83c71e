"""A small server of files on this machine, each with the type that it declares."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.served import served


class FileServer(ThreadingHTTPServer):
    """Serves `files`: the path without its slash, to the declared type and the bytes."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files: dict[str, tuple[str, bytes]] = {}

    @property
    def origin(self):
        return f"http://127.0.0.1:{self.server_port}"

    def add(self, name, declared, content):
        """Serve it from now on; its URL."""
        self.files[name] = (declared, content)
        return f"{self.origin}/{name}"


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        declared, content = self.server.files[self.path[1:]]
        self.send_response(200)
        self.send_header("Content-Type", declared)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *arguments):
        """Say nothing."""


@contextmanager
def file_server() -> Iterator[FileServer]:
    """A server for the block."""
    with served(FileServer()) as server:
        yield server
