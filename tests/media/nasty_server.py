"""A server that answers as it is told, however badly: bytes on a socket, and what was asked."""

import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from hashlib import shake_256

Behaviour = Callable[[socket.socket, threading.Event], None]

CONTENT = shake_256(b"a file").digest(300_000)
ETAG = '"one"'


def answer(body: bytes = CONTENT, status: str = "200 OK", **headers: str | None) -> Behaviour:
    """An answer, the connection being closed in order after it; a header of None is left out."""
    sent = {"Content-Length": str(len(body)), **_named(headers)}
    lines = [f"{name}: {value}\r\n" for name, value in sent.items() if value is not None]
    head = f"HTTP/1.1 {status}\r\n{''.join(lines)}\r\n".encode()

    def behave(connection: socket.socket, over: threading.Event) -> None:
        connection.sendall(head + body)

    return behave


def start(upto: int, **headers: str | None) -> Behaviour:
    """The file's first bytes, though all were announced."""
    whole = {"content_length": str(len(CONTENT)), "accept_ranges": "bytes", "etag": ETAG}
    return answer(CONTENT[:upto], **{**whole, **headers})


def part(begin: int, end: int = len(CONTENT), **headers: str | None) -> Behaviour:
    """The file from one byte up to another, as the rest from the first."""
    told = {
        "content_range": f"bytes {begin}-{len(CONTENT) - 1}/{len(CONTENT)}",
        "content_length": str(len(CONTENT) - begin),
        "etag": ETAG,
    }
    return answer(CONTENT[begin:end], "206 Partial Content", **{**told, **headers})


def redirect(location: str, status: str = "302 Found") -> Behaviour:
    return answer(b"", status, location=location)


def chunked(chunks: Iterable[bytes]) -> Behaviour:
    """Chunks, without the one that says it was the last."""

    def behave(connection: socket.socket, over: threading.Event) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for chunk in chunks:
            connection.sendall(b"%x\r\n%s\r\n" % (len(chunk), chunk))

    return behave


def drip(head: bytes, drop: bytes) -> Behaviour:
    """A beginning, and then a drop now and then for as long as anybody listens."""

    def behave(connection: socket.socket, over: threading.Event) -> None:
        connection.sendall(head)
        while not over.wait(0.02):
            connection.sendall(drop)

    return behave


def then_reset(behave: Behaviour) -> Behaviour:
    """The same, but ended by a reset: without lingering, closing sends RST instead of FIN."""

    def resetting(connection: socket.socket, over: threading.Event) -> None:
        behave(connection, over)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    return resetting


class NastyServer:
    """Meets each connection with the next of its answers, the last one ever after."""

    def __init__(self, answers: list[Behaviour], tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[dict[str, str]] = []
        self._answers = answers
        self._tls = tls
        self._over = threading.Event()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self.origin = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def close(self) -> None:
        self._over.set()
        self._listening.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listening.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            try:
                with self._secured(connection) as stream:
                    self._meet(stream)
            except OSError:
                continue  # the client has gone

    def _secured(self, connection: socket.socket) -> socket.socket:
        if self._tls is None:
            return connection
        with connection:  # wrapping takes the socket over, and failing leaves it
            return self._tls.wrap_socket(connection, server_side=True)

    def _meet(self, connection: socket.socket) -> None:
        data = b""
        while b"\r\n\r\n" not in data:
            received = connection.recv(65536)
            if not received:
                return
            data += received
        _, *lines = data.decode("latin-1").strip().split("\r\n")
        self.requests.append({k.lower(): v for k, _, v in (x.partition(": ") for x in lines)})
        index = min(len(self.requests), len(self._answers)) - 1
        self._answers[index](connection, self._over)


@contextmanager
def nasty(*answers: Behaviour, tls: ssl.SSLContext | None = None) -> Iterator[NastyServer]:
    server = NastyServer(list(answers), tls)
    try:
        yield server
    finally:
        server.close()


def _named(headers: dict[str, str | None]) -> dict[str, str | None]:
    return {name.replace("_", "-").title(): value for name, value in headers.items()}
