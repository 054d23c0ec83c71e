"""The emulator on a port."""

import asyncio
import socket
from pathlib import Path

from aiohttp import web

from replicate_emulator.answers import WORLD
from replicate_emulator.app import create_app


class Server:
    """Listens on host and port (0: any free one) from `start` to `stop`.

    While `refuse_seconds` runs it does not listen, so that connecting itself fails.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        public_url: str | None = None,
        tokens: tuple[str, ...] = (),
        data_dir: Path | None = None,
    ) -> None:
        self._socket = _listen(host, port)
        self.host, self.port = host, int(self._socket.getsockname()[1])
        self.url = public_url or f"http://{host}:{self.port}"
        self._app = create_app(self.url.rstrip("/"), tokens, data_dir)
        # A hanging request is not waited for.
        self._runner = web.AppRunner(self._app, access_log=None, shutdown_timeout=0.5)
        self._watch: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Answer from now on."""
        await self._runner.setup()
        await self._open()
        self._watch = asyncio.create_task(self._refuse_when_told())

    async def stop(self) -> None:
        """Close every connection and end everything under way."""
        if self._watch:
            self._watch.cancel()
        await self._runner.cleanup()

    async def _open(self) -> None:
        self._site = web.SockSite(self._runner, self._socket, backlog=4096)
        await self._site.start()

    async def _refuse_when_told(self) -> None:
        world = self._app[WORLD]
        while await world.refusal.wait():
            world.refusal.clear()
            await self._site.stop()
            await asyncio.sleep(world.config.refuse_seconds)
            self._socket = _listen(self.host, self.port)
            await self._open()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=4096)
