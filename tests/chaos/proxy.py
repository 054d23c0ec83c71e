"""A TCP proxy that can cut, swallow, slow down and refuse what passes through it."""

import asyncio
import socket
import ssl
import threading
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

PIECE = 64 * 1024
REFUSED_WRITE = b"HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class Proxy:
    """Stands at 127.0.0.1:`port` before `target`, from `start` to `stop`; its own thread.

    With `tls` it is spoken to over TLS, and what passes on is plain.
    """

    def __init__(self, target: tuple[str, int], tls: ssl.SSLContext | None = None) -> None:
        self.target = target
        self._tls = tls
        self.silent = False  # half-open: nothing passes, and nobody is told
        self.delay = 0.0  # seconds, before each piece
        self.refuse_writes = False  # HTTP's PUT and POST are answered 503
        self._links: set[asyncio.StreamWriter] = set()
        self._stopped = asyncio.Event()
        self._loop = asyncio.new_event_loop()
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._run, name="proxy", daemon=True)
        self._thread.start()

    def cut(self) -> None:
        """Reset every connection."""
        self._ask(self._cut())

    def stop(self) -> None:
        """Cut everything, and listen no more."""
        self.cut()
        self._loop.call_soon_threadsafe(self._stopped.set)
        self._thread.join()

    def _ask(self, what: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(what, self._loop).result(10)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._until_stopped())

    async def _until_stopped(self) -> None:
        listening = asyncio.start_server(self._serve, sock=self._socket, ssl=self._tls)
        async with await listening as server:
            await self._stopped.wait()
            server.close()
            for task in asyncio.all_tasks() - {asyncio.current_task()}:
                task.cancel()

    async def _cut(self) -> None:
        for writer in list(self._links):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            answers, onward = await asyncio.open_connection(*self.target)
        except OSError:
            writer.transport.abort()
            return
        self._links |= {writer, onward}
        try:
            await asyncio.gather(
                self._pass_on(reader, onward, back=writer), self._pass_on(answers, writer)
            )
        finally:
            for link in (writer, onward):
                self._links.discard(link)
                link.transport.abort()

    async def _pass_on(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        back: asyncio.StreamWriter | None = None,
    ) -> None:
        with suppress(OSError):
            while piece := await reader.read(PIECE):
                while self.silent:  # noqa: ASYNC110 - set from another thread
                    await asyncio.sleep(0.1)
                if self.delay:
                    await asyncio.sleep(self.delay)
                if back and self.refuse_writes and piece.startswith((b"PUT ", b"POST ")):
                    back.write(REFUSED_WRITE)
                    await back.drain()
                    break
                writer.write(piece)
                await writer.drain()
        with suppress(OSError, RuntimeError):
            writer.close()
