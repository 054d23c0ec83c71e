"""The control panel under /_emulator/: settings, faults, counts, history. No token is asked for."""

import asyncio
from typing import Any

from aiohttp import web

from replicate_emulator import errors
from replicate_emulator.answers import WORLD, json_answer
from replicate_emulator.config import ConfigError
from replicate_emulator.errors import Problem
from replicate_emulator.orders import check_input
from replicate_emulator.predictions import TERMINAL
from replicate_emulator.routes.pages import read_json

routes = web.RouteTableDef()

_MEDIA_MODELS = ("black-forest-labs/flux-schnell", "minimax/video-01", "meta/musicgen")


@routes.get("/")
@routes.get("/_emulator/")
async def say_what_this_is(request: web.Request) -> web.StreamResponse:
    """What answers here, and where its parts are."""
    world = request.app[WORLD]
    return json_answer(
        {
            "name": "replicate_emulator",
            "what": "a local Replicate with faults on demand; nothing here costs money",
            "api": f"{world.public_url}/v1",
            "control": f"{world.public_url}/_emulator/",
            "models": list(world.catalog.models),
            "deployments": list(world.catalog.deployments),
        }
    )


@routes.get("/_emulator/config")
async def get_config(request: web.Request) -> web.StreamResponse:
    """All settings."""
    return json_answer(request.app[WORLD].config.as_json())


@routes.post("/_emulator/config")
async def change_config(request: web.Request) -> web.StreamResponse:
    """Change the settings that are named; 422 names one that does not exist or fit."""
    world = request.app[WORLD]
    try:
        world.configure(await _read_object(request))
    except ConfigError as error:
        raise Problem(422, str(error), "Invalid configuration") from error
    return json_answer(world.config.as_json())


@routes.post("/_emulator/reset")
async def reset(request: web.Request) -> web.StreamResponse:
    """Begin again: no predictions, no counts, the settings of the start."""
    await request.app[WORLD].reset()
    return json_answer({"reset": True})


@routes.get("/_emulator/stats")
async def get_stats(request: web.Request) -> web.StreamResponse:
    """What was asked so far, and what it would have cost."""
    world = request.app[WORLD]
    return json_answer(world.stats.as_json(world.by_status()))


@routes.post("/_emulator/history")
async def add_history(request: web.Request) -> web.StreamResponse:
    """Add `count` finished predictions over the last `span_seconds`.

    Optional: `model`, `input`, `source`, `status`, `webhook`, the same for all.
    """
    world = request.app[WORLD]
    wanted = await _read_object(request)
    try:
        count, span = int(wanted.pop("count")), float(wanted.pop("span_seconds", 3600))
        names = [wanted.pop("model")] if "model" in wanted else _MEDIA_MODELS
        models = [world.catalog.models[name] for name in names]
        common = {
            "input": wanted.pop("input", {"prompt": "history"}),
            "source": wanted.pop("source", "api"),
            "status": wanted.pop("status", "succeeded"),
            "webhook": wanted.pop("webhook", None),
        }
    except (KeyError, TypeError, ValueError) as error:
        raise Problem(422, f"missing, unknown or no number: {error}") from error
    if wanted:
        raise Problem(422, f"unknown key: {next(iter(wanted))}")
    if common["status"] not in TERMINAL or common["source"] not in ("api", "web"):
        raise Problem(422, "status is a final one, source api or web")
    for model in models:
        check_input(common["input"], model)
    world.fabricate(count, span, models, **common)
    return json_answer({"added": count, "total": len(world.ledger)})


@routes.get("/_emulator/expected/{id}")
async def get_expected(request: web.Request) -> web.StreamResponse:
    """What a client must have stored: URL, SHA-256 and length of each output."""
    world = request.app[WORLD]
    prediction = world.find(request.match_info["id"])
    if prediction is None:
        raise errors.not_found()
    return json_answer(await asyncio.to_thread(world.views.expected, prediction))


async def _read_object(request: web.Request) -> dict[str, Any]:
    body = await read_json(request) if request.body_exists else {}
    if not isinstance(body, dict):
        raise errors.malformed("an object wanted")
    return body
