"""What stands for stream.replicate.com: whoever has the address may read, no token is asked for."""

from contextlib import suppress

from aiohttp import web

from replicate_emulator import ids, times
from replicate_emulator.answers import WORLD, hang_up
from replicate_emulator.predictions import Prediction
from replicate_emulator.streams import Stream, read_place
from replicate_emulator.world import World

routes = web.RouteTableDef()


@routes.get("/streams/{key}", allow_head=False)
async def follow(request: web.Request) -> web.StreamResponse:
    """The events of a prediction, from its first or from behind `Last-Event-ID`, to its last."""
    world = request.app[WORLD]
    prediction = _find(world, request.match_info["key"])
    headers = {"Content-Type": "text/event-stream; charset=utf-8", "Cache-Control": "no-store"}
    response = web.StreamResponse(headers=headers)
    await response.prepare(request)
    with suppress(ConnectionResetError):  # The reader has left.
        await _send(world, request, response, prediction)
    return response


def _find(world: World, key: str) -> Prediction:
    prediction = world.find(key.partition("-")[0])
    if prediction is None or key != ids.stream_key(prediction.id):
        raise web.HTTPNotFound
    # A guess: nobody has written down what Replicate says of a stream whose data was removed.
    if world.views.is_removed(prediction, times.now()):
        raise web.HTTPNotFound
    return prediction


async def _send(
    world: World, request: web.Request, response: web.StreamResponse, prediction: Prediction
) -> None:
    def is_read() -> bool:
        return request.transport is not None and world.find(prediction.id) is prediction

    stream = Stream(
        prediction, lambda: world.views.whole_output(prediction), world.life.wait, is_read
    )
    begin = read_place(request.headers.get("Last-Event-ID", ""))
    is_cut = world.dice.strikes("stream_cut")
    place = 0
    async for event in stream.events():
        if place >= begin:
            await response.write(event.write(place))
            # Half-way through what is left, but a step further each time.
            if is_cut and place >= begin + (len(stream.script) - begin) // 2:
                hang_up(request)
                return
        place += 1
