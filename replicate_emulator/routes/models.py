"""The catalogue: models, their versions, deployments."""

from typing import Any

from aiohttp import web

from replicate_emulator import errors
from replicate_emulator.answers import WORLD, json_answer
from replicate_emulator.catalog import ACCOUNT
from replicate_emulator.models import Deployment, Model

routes = web.RouteTableDef()

_MADE_AT = "2026-01-05T09:30:00.25Z"


@routes.get("/v1/models")
async def list_models(request: web.Request) -> web.StreamResponse:
    """All models, on one page."""
    return _page([_model(model) for model in request.app[WORLD].catalog.models.values()])


@routes.get("/v1/models/{owner}/{name}")
async def get_model(request: web.Request) -> web.StreamResponse:
    """One model with its latest version."""
    return json_answer(_model(_find(request)))


@routes.get("/v1/models/{owner}/{name}/versions")
async def list_versions(request: web.Request) -> web.StreamResponse:
    """A model's versions: here always one."""
    return _page([_version(_find(request))])


@routes.get("/v1/models/{owner}/{name}/versions/{version}")
async def get_version(request: web.Request) -> web.StreamResponse:
    """One version with its input and output schemas."""
    model = _find(request)
    if request.match_info["version"] != model.version:
        raise errors.not_found()
    return json_answer(_version(model))


@routes.get("/v1/deployments")
async def list_deployments(request: web.Request) -> web.StreamResponse:
    """The account's deployments, on one page."""
    deployments = request.app[WORLD].catalog.deployments.values()
    return _page([_deployment(deployment) for deployment in deployments])


@routes.get("/v1/deployments/{owner}/{name}")
async def get_deployment(request: web.Request) -> web.StreamResponse:
    """One deployment with its current release."""
    name = f"{request.match_info['owner']}/{request.match_info['name']}"
    deployment = request.app[WORLD].catalog.deployments.get(name)
    if deployment is None:
        raise errors.not_found()
    return json_answer(_deployment(deployment))


def _find(request: web.Request) -> Model:
    name = f"{request.match_info['owner']}/{request.match_info['name']}"
    model = request.app[WORLD].catalog.models.get(name)
    if model is None:
        raise errors.not_found()
    return model


def _page(results: list[dict[str, Any]]) -> web.Response:
    return json_answer({"next": None, "previous": None, "results": results})


def _model(model: Model) -> dict[str, Any]:
    return {
        "url": f"https://replicate.com/{model.full_name}",
        "owner": model.owner,
        "name": model.name,
        "description": model.description,
        "visibility": model.visibility,
        "is_official": model.official,
        "github_url": None,
        "paper_url": None,
        "license_url": None,
        "run_count": 0,
        "cover_image_url": None,
        "default_example": None,
        "latest_version": _version(model),
    }


def _version(model: Model) -> dict[str, Any]:
    return {
        "id": model.version,
        "created_at": _MADE_AT,
        "cog_version": "0.16.0",
        "openapi_schema": model.openapi_schema(),
    }


def _deployment(deployment: Deployment) -> dict[str, Any]:
    return {
        "owner": deployment.owner,
        "name": deployment.name,
        "current_release": {
            "number": 1,
            "model": deployment.model.full_name,
            "version": deployment.model.version,
            "created_at": _MADE_AT,
            "created_by": {"type": "user", "username": ACCOUNT},
            "configuration": {"hardware": "gpu-t4", "min_instances": 0, "max_instances": 1},
        },
    }
