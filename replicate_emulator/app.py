"""The web application: routes, gate and one world behind them."""

from pathlib import Path

from aiohttp import web

from replicate_emulator.answers import WORLD
from replicate_emulator.gate import answer_errors, guard
from replicate_emulator.routes import (
    account,
    control,
    deployments,
    models,
    outputs,
    predictions,
    search,
    streams,
    trainings,
    uploads,
)
from replicate_emulator.uploads import MAX_BYTES
from replicate_emulator.world import World

_RESOURCES = (
    predictions,
    models,
    deployments,
    search,
    trainings,
    account,
    uploads,
    outputs,
    streams,
    control,
)


def create_app(
    public_url: str, tokens: tuple[str, ...] = (), data_dir: Path | None = None
) -> web.Application:
    """A local Replicate that calls itself `public_url`.

    Only the given tokens are accepted, any when none are given; encoded media are kept in
    `data_dir`, if there is one.
    """
    app = web.Application(middlewares=[answer_errors, guard], client_max_size=MAX_BYTES + 2**20)
    app[WORLD] = World(public_url, tokens, data_dir)
    for resource in _RESOURCES:
        app.add_routes(resource.routes)
    app.on_cleanup.append(_stop)
    return app


async def _stop(app: web.Application) -> None:
    await app[WORLD].stop()
