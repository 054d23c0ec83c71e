"""TLS before a server that has none: its clients speak TLS with us, and we go on in plain."""

import selectors
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

SSL_REQUEST = bytes.fromhex("0000000804d2162f")  # of Postgres's protocol: length 8, code 80877103
PIECE = 64 * 2**10


@contextmanager
def tls_before(port: int, tls: ssl.SSLContext, *, postgres: bool = False) -> Iterator[int]:
    """The port on 127.0.0.1 where TLS is spoken, and nothing but TLS.

    Clients of Postgres ask for it first.
    """
    listening, open_ = socket.create_server(("127.0.0.1", 0)), set[socket.socket]()

    def run() -> None:
        while True:
            try:
                came, _ = listening.accept()
            except OSError:
                return
            open_.add(came)
            threading.Thread(target=serve, args=(came,), daemon=True).start()

    def serve(came: socket.socket) -> None:
        with suppress(OSError), came:  # ssl.SSLError is one
            if postgres:
                if came.recv(len(SSL_REQUEST), socket.MSG_WAITALL) != SSL_REQUEST:
                    return
                came.sendall(b"S")
            with (
                tls.wrap_socket(came, server_side=True) as secured,
                socket.create_connection(("127.0.0.1", port)) as inner,
            ):
                open_.add(secured)
                _join(secured, inner)

    threading.Thread(target=run, daemon=True).start()
    try:
        yield listening.getsockname()[1]
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        for one in open_:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


def _join(secured: ssl.SSLSocket, inner: socket.socket) -> None:
    """Pass on what either says, until one ends."""
    with selectors.DefaultSelector() as waiting:
        waiting.register(secured, selectors.EVENT_READ, inner)
        waiting.register(inner, selectors.EVENT_READ, secured)
        while True:
            for ready, _ in waiting.select():
                said = ready.fileobj.recv(PIECE)  # type: ignore[union-attr]
                while said:
                    ready.data.sendall(said)
                    more = ready.fileobj is secured and secured.pending()
                    said = secured.recv(PIECE) if more else None
                if said == b"":
                    return
