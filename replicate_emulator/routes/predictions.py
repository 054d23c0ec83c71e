"""Predictions: create in three ways, get, list, cancel."""

import asyncio

from aiohttp import web

from replicate_emulator import errors, times
from replicate_emulator.answers import WORLD, json_answer
from replicate_emulator.errors import ConnectionCut
from replicate_emulator.orders import (
    Order,
    check_body,
    read_cancel_after,
    read_order,
    read_prefer,
)
from replicate_emulator.predictions import Prediction
from replicate_emulator.routes.pages import full_name, page_answer, read_cursor, read_json
from replicate_emulator.world import World

routes = web.RouteTableDef()

_WEB_HISTORY = 14 * 24 * 3600 * times.SECOND


@routes.post("/v1/predictions")
async def create_by_version(request: web.Request) -> web.StreamResponse:
    """Run the model a version names."""
    world = request.app[WORLD]
    await _fail_without_creating(world)
    body = await read_json(request)
    check_body(body, with_version=True)
    model = world.catalog.by_version(body["version"])
    if model is None:
        raise errors.version_not_permitted()
    return await _create(world, request, read_order(body, model))


@routes.post("/v1/models/{owner}/{name}/predictions")
async def create_by_model(request: web.Request) -> web.StreamResponse:
    """Run an official model; for any other this route does not exist."""
    world = request.app[WORLD]
    await _fail_without_creating(world)
    model = world.catalog.models.get(full_name(request))
    if model is None or not model.official:
        raise errors.not_found()
    body = await read_json(request)
    check_body(body, with_version=False)
    return await _create(world, request, read_order(body, model))


@routes.post("/v1/deployments/{owner}/{name}/predictions")
async def create_by_deployment(request: web.Request) -> web.StreamResponse:
    """Run the model of a deployment."""
    world = request.app[WORLD]
    await _fail_without_creating(world)
    deployment = world.catalog.deployments.get(full_name(request))
    if deployment is None:
        raise errors.not_found()
    body = await read_json(request)
    check_body(body, with_version=False)
    return await _create(world, request, read_order(body, deployment.model, deployment.name))


@routes.get("/v1/predictions")
async def list_predictions(request: web.Request) -> web.StreamResponse:
    """A page of a hundred, newest first, from the API and the browser alike."""
    world = request.app[WORLD]
    now = times.now()
    try:
        after = times.read(request.query.get("created_after", "1970-01-01"))
        before = times.read(request.query.get("created_before", "9999-01-01"))
        cursor = read_cursor(request)
    except ValueError as error:
        raise errors.malformed(str(error)) from error
    source = request.query.get("source")
    if source not in (None, "web"):
        raise errors.malformed("source must be web")
    if source == "web":
        after = max(after, now - _WEB_HISTORY)

    def shown(prediction: Prediction) -> bool:
        return prediction.listed_from <= now and source in (None, prediction.source)

    page = world.ledger.page(cursor, after, before, shown)
    results = [world.views.prediction(item) for item in page.items]
    return page_answer(request, results, page.older, page.newer)


@routes.get("/v1/predictions/{id}")
async def get_prediction(request: web.Request) -> web.StreamResponse:
    """One prediction as it is now."""
    world = request.app[WORLD]
    return json_answer(world.views.prediction(_find(world, request)))


@routes.post("/v1/predictions/{id}/cancel")
async def cancel_prediction(request: web.Request) -> web.StreamResponse:
    """End a prediction; one that has ended is answered as it is."""
    world = request.app[WORLD]
    prediction = _find(world, request)
    world.life.cancel(prediction)
    return json_answer(world.views.prediction(prediction))


async def _fail_without_creating(world: World) -> None:
    dice = world.dice
    if dice.strikes("402"):
        raise errors.insufficient_credit()
    if dice.strikes("500"):
        raise errors.server_error()
    if dice.strikes("reset"):
        raise ConnectionCut
    if dice.strikes("hang"):
        await asyncio.sleep(world.config.seconds["hang"])
        raise ConnectionCut


async def _create(world: World, request: web.Request, order: Order) -> web.StreamResponse:
    cancel_after = read_cancel_after(request.headers.get("Cancel-After"))
    if world.dice.strikes("create_late"):
        # The gateway gives up on a request that is still on its way to the queue.
        delay = world.config.seconds["create_late"]
        asyncio.get_running_loop().call_later(delay, world.create, order, cancel_after)
        raise errors.server_error()
    prediction = world.create(order, cancel_after)
    await _fail_after_creating(world)
    return await _answer_created(world, request, prediction)


async def _fail_after_creating(world: World) -> None:
    dice = world.dice
    if dice.strikes("create_then_500"):
        raise errors.server_error()
    if dice.strikes("create_then_reset"):
        raise ConnectionCut
    if dice.strikes("create_then_hang"):
        await asyncio.sleep(world.config.seconds["hang"])
        raise ConnectionCut


async def _answer_created(
    world: World, request: web.Request, prediction: Prediction
) -> web.StreamResponse:
    """The new prediction; with `Prefer: wait` as soon as its output is there."""
    prefer = request.headers.get("Prefer")
    seconds = read_prefer(prefer)
    if seconds is None:
        return json_answer(world.views.prediction(prediction, source=False), 201)
    in_time = await world.life.wait(prediction, seconds)
    body = world.views.prediction(prediction, source=False)
    response = json_answer(body, 201 if in_time else 202)
    response.headers["Preference-Applied"] = str(prefer)
    response.headers["Location"] = body["urls"]["get"]
    return response


def _find(world: World, request: web.Request) -> Prediction:
    prediction = world.find(request.match_info["id"])
    if prediction is None or prediction.readable_from > times.now():
        raise errors.not_found()
    return prediction
