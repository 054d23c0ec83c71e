"""The files models make, on what stands for replicate.delivery: no token is asked for here."""

import asyncio

from aiohttp import web

from replicate_emulator import times
from replicate_emulator.answers import WORLD, hang_up
from replicate_emulator.errors import ConnectionCut
from replicate_emulator.files import File
from replicate_emulator.media.content import Content
from replicate_emulator.world import World

routes = web.RouteTableDef()

_SLOW_PIECES = 20


@routes.get("/_files/{id}/{index}/{name}")
async def get_output(request: web.Request) -> web.StreamResponse:
    """An output file or a range of it; 404 after retention, and to whoever guesses."""
    world = request.app[WORLD]
    file, mark = _find(world, request)
    _fail(world, mark)
    content = await _content(world, file, mark)
    start, stop, status = _range(request, content.length)
    headers = {
        "Accept-Ranges": "bytes",
        "Content-Type": file.content_type,
        "ETag": f'"{mark.replace("/", "-")}"',
    }
    if status == 206:
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{content.length}"
    response = web.StreamResponse(status=status, headers=headers)
    response.content_length = stop - start
    await response.prepare(request)
    if request.method != "HEAD":
        await _send(request, response, content, start, stop)
    return response


def _find(world: World, request: web.Request) -> tuple[File, str]:
    prediction = world.find(request.match_info["id"])
    index = request.match_info["index"]
    now = times.now()
    if prediction is None or not index.isdigit() or world.views.is_removed(prediction, now):
        raise web.HTTPNotFound
    files = prediction.files(now)
    place = int(index)
    if place >= len(files) or files[place].name != request.match_info["name"]:
        raise web.HTTPNotFound
    return files[place], f"{prediction.id}/{place}"


def _fail(world: World, mark: str) -> None:
    if world.dice.has_struck("output_gone", mark):
        raise web.HTTPNotFound
    if mark not in world.fetched and world.dice.has_struck("output_fails_once", mark):
        world.fetched.add(mark)
        raise web.HTTPServiceUnavailable


async def _content(world: World, file: File, mark: str) -> Content:
    if world.studio.is_ready(file):
        return world.studio.content(file, mark)
    return await asyncio.to_thread(world.studio.content, file, mark)


def _range(request: web.Request, length: int) -> tuple[int, int, int]:
    """First byte, last byte + 1, and the status for that."""
    if "Range" not in request.headers:
        return 0, length, 200
    try:
        start, stop, _ = request.http_range.indices(length)
    except ValueError:
        start = stop = 0
    if start >= stop:
        raise web.HTTPRequestRangeNotSatisfiable(headers={"Content-Range": f"bytes */{length}"})
    return start, stop, 206


async def _send(
    request: web.Request, response: web.StreamResponse, content: Content, start: int, stop: int
) -> None:
    world = request.app[WORLD]
    middle = start + (stop - start) // 2
    if world.dice.strikes("output_truncated"):
        await _write(response, content, start, middle, pause=0)
        raise ConnectionCut
    if world.dice.strikes("output_cut"):
        await _write(response, content, start, middle, pause=0)
        hang_up(request)
        return
    pause = 0.0
    if world.dice.strikes("output_slow"):
        pause = world.config.seconds["output_slow"] / _SLOW_PIECES
    await _write(response, content, start, stop, pause)


async def _write(
    response: web.StreamResponse, content: Content, start: int, stop: int, pause: float
) -> None:
    if not pause:
        for piece in content.read(start, stop):
            await response.write(piece)
        return
    step = max(1, (stop - start) // _SLOW_PIECES)
    for begin in range(start, stop, step):
        await asyncio.sleep(pause)
        for piece in content.read(begin, min(begin + step, stop)):
            await response.write(piece)
