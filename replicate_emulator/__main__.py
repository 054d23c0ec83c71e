"""`python -m replicate_emulator`: the local Replicate until Ctrl-C or SIGTERM."""

import argparse
import asyncio
import signal
from pathlib import Path

from replicate_emulator.server import Server


def main() -> None:
    """Read the arguments, serve, stop cleanly."""
    parser = argparse.ArgumentParser(prog="replicate_emulator", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9100, help="0 takes any free port")
    parser.add_argument("--token", action="append", default=[], help="accept only such tokens")
    parser.add_argument("--data-dir", type=Path, help="keeps encoded media over restarts")
    parser.add_argument("--public-url", help="the address to write into URLs")
    asyncio.run(_serve(parser.parse_args()))


async def _serve(arguments: argparse.Namespace) -> None:
    server = Server(
        arguments.host,
        arguments.port,
        public_url=arguments.public_url,
        tokens=tuple(arguments.token),
        data_dir=arguments.data_dir,
    )
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    await server.start()
    print(f"replicate_emulator listening on http://{server.host}:{server.port}", flush=True)  # noqa: T201
    await stopped.wait()
    await server.stop()


if __name__ == "__main__":
    main()
