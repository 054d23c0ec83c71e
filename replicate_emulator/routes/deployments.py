"""Deployments: the account's own names for models, and how many instances each has."""

from dataclasses import replace
from typing import Any, Final

from aiohttp import web

from replicate_emulator import errors, times
from replicate_emulator.answers import WORLD, json_answer
from replicate_emulator.models import Deployment, Model
from replicate_emulator.routes.pages import full_name, page_answer, read_object
from replicate_emulator.shapes import deployment_json
from replicate_emulator.world import World

routes = web.RouteTableDef()

_SETTINGS: Final[dict[str, Any]] = {
    "hardware": {"type": "string"},
    "min_instances": {"type": "integer", "minimum": 0, "maximum": 5},
    "max_instances": {"type": "integer", "minimum": 0, "maximum": 20},
}
_CHANGE: Final[dict[str, Any]] = {"properties": {"version": {"type": "string"}, **_SETTINGS}}
_NEW: Final[dict[str, Any]] = {
    "properties": {
        "name": {"type": "string"},
        "model": {"type": "string"},
        **_CHANGE["properties"],
    },
    "required": ["name", "model", "version", *_SETTINGS],
}


@routes.get("/v1/deployments")
async def list_deployments(request: web.Request) -> web.StreamResponse:
    """The account's deployments, on one page."""
    deployments = request.app[WORLD].catalog.deployments.values()
    return page_answer(request, [deployment_json(item) for item in deployments])


@routes.post("/v1/deployments")
async def create_deployment(request: web.Request) -> web.StreamResponse:
    """A new name for a version of a model."""
    world = request.app[WORLD]
    body = await read_object(request, _NEW)
    deployment = Deployment(
        world.config.account,
        body["name"],
        _model(world, body["model"], body["version"]),
        **{name: body[name] for name in _SETTINGS},
        created=times.now(),
    )
    if deployment.full_name in world.catalog.deployments:
        raise errors.already_there("deployment")
    world.catalog.deployments[deployment.full_name] = deployment
    return json_answer(deployment_json(deployment))


@routes.get("/v1/deployments/{owner}/{name}")
async def get_deployment(request: web.Request) -> web.StreamResponse:
    """One deployment with its current release."""
    return json_answer(deployment_json(_find(request)))


@routes.patch("/v1/deployments/{owner}/{name}")
async def change_deployment(request: web.Request) -> web.StreamResponse:
    """Its next release."""
    world = request.app[WORLD]
    deployment = _find(request)
    body = await read_object(request, _CHANGE)
    if "version" in body:
        _model(world, deployment.model.full_name, body["version"])
    changed = replace(
        deployment,
        **{name: body[name] for name in _SETTINGS if name in body},
        number=deployment.number + 1,
        created=times.now(),
    )
    world.catalog.deployments[changed.full_name] = changed
    return json_answer(deployment_json(changed))


@routes.delete("/v1/deployments/{owner}/{name}")
async def delete_deployment(request: web.Request) -> web.StreamResponse:
    """Forget it, at once, however lately it was used."""
    del request.app[WORLD].catalog.deployments[_find(request).full_name]
    return web.Response(status=204)


def _find(request: web.Request) -> Deployment:
    deployment = request.app[WORLD].catalog.deployments.get(full_name(request))
    if deployment is None:
        raise errors.not_found()
    return deployment


def _model(world: World, name: str, version: str) -> Model:
    model = world.catalog.by_version(f"{name}:{version}")
    if model is None:
        raise errors.version_not_permitted()
    return model
