"""Trainings: begin, get, list, cancel."""

from typing import Any, Final

from aiohttp import web

from replicate_emulator import errors, times
from replicate_emulator.answers import WORLD, json_answer
from replicate_emulator.errors import Problem
from replicate_emulator.orders import TRAINING
from replicate_emulator.routes.pages import full_name, page_answer, read_cursor, read_object
from replicate_emulator.trainings import Training

routes = web.RouteTableDef()

_ALWAYS: Final = 2**63


@routes.post("/v1/models/{owner}/{name}/versions/{version}/trainings")
async def create_training(request: web.Request) -> web.StreamResponse:
    """Train a version of a model for a destination, which has to be there."""
    world = request.app[WORLD]
    model = world.catalog.by_version(f"{full_name(request)}:{request.match_info['version']}")
    if model is None:
        raise errors.not_found()
    body = await read_object(request, TRAINING)
    if body["destination"] not in world.catalog.models:
        raise Problem(404, "The specified training destination does not exist")
    training = world.train(model, body["destination"], body["input"])
    return json_answer(_json(request, training), 201)


@routes.get("/v1/trainings")
async def list_trainings(request: web.Request) -> web.StreamResponse:
    """A page of a hundred, newest first."""
    try:
        cursor = read_cursor(request)
    except ValueError as error:
        raise errors.malformed(str(error)) from error
    page = request.app[WORLD].trainings.page(cursor, 0, _ALWAYS, lambda _training: True)
    results = [_json(request, training) for training in page.items]
    return page_answer(request, results, page.older, page.newer)


@routes.get("/v1/trainings/{id}")
async def get_training(request: web.Request) -> web.StreamResponse:
    """One training as it is now."""
    return json_answer(_json(request, _find(request)))


@routes.post("/v1/trainings/{id}/cancel")
async def cancel_training(request: web.Request) -> web.StreamResponse:
    """End a training; one that has ended is answered as it is."""
    training = _find(request)
    training.cancel(times.now())
    return json_answer(_json(request, training))


def _find(request: web.Request) -> Training:
    training = request.app[WORLD].trainings.get(request.match_info["id"])
    if training is None:
        raise errors.not_found()
    return training


def _json(request: web.Request, training: Training) -> dict[str, Any]:
    return training.as_json(times.now(), request.app[WORLD].public_url)
