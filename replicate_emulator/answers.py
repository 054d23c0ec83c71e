"""How answers are written: JSON, problems, and no answer at all."""

import socket
import struct
from typing import Any, Final

import orjson
from aiohttp import web

from replicate_emulator.errors import Problem
from replicate_emulator.world import World

WORLD: Final = web.AppKey("world", World)


def json_answer(body: Any, status: int = 200) -> web.Response:
    """The body as JSON."""
    return web.Response(body=orjson.dumps(body), status=status, content_type="application/json")


def problem_answer(problem: Problem) -> web.Response:
    """The problem as RFC 7807 has it."""
    return web.Response(
        body=orjson.dumps(problem.body),
        status=problem.status,
        content_type="application/problem+json",
    )


def cut_connection(request: web.Request) -> None:
    """End the connection so that the caller sees a reset."""
    transport = request.transport
    if transport is None:
        return
    link = transport.get_extra_info("socket")
    if link is not None:
        # Without lingering, closing sends RST instead of FIN.
        link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


def hang_up(request: web.Request) -> None:
    """End the connection in order, once all that was written has gone."""
    if request.transport is not None:
        request.transport.close()
