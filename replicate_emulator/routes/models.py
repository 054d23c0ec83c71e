"""Models: what is there, their versions, readmes and examples; making, changing, deleting one."""

from dataclasses import replace
from typing import Any, Final

from aiohttp import web

from replicate_emulator import errors, makers
from replicate_emulator.answers import WORLD, json_answer
from replicate_emulator.models import Model
from replicate_emulator.routes.pages import full_name, page_answer, read_object
from replicate_emulator.shapes import model_json, version_json

routes = web.RouteTableDef()

_TEXT: Final = {"type": "string"}
_LINKS: Final = ("github_url", "paper_url", "license_url")
_NEW: Final[dict[str, Any]] = {
    "properties": {
        **dict.fromkeys(
            ("owner", "name", "hardware", "description", "cover_image_url", *_LINKS), _TEXT
        ),
        "visibility": {"type": "string", "enum": ["public", "private"]},
    },
    "required": ["owner", "name", "visibility", "hardware"],
}
_CHANGE: Final[dict[str, Any]] = {
    "properties": dict.fromkeys(("description", "readme", "weights_url", *_LINKS), _TEXT)
}


@routes.get("/v1/models")
async def list_models(request: web.Request) -> web.StreamResponse:
    """All public models, on one page."""
    models = request.app[WORLD].catalog.public()
    return page_answer(request, [model_json(model) for model in models])


# The JavaScript client writes the query as JSON: in quotes.
@routes.route("QUERY", "/v1/models")
async def query_models(request: web.Request) -> web.StreamResponse:
    """The public models that have all words of the body."""
    words = (await request.text()).strip().strip('"')
    models = request.app[WORLD].catalog.search(words)
    return page_answer(request, [model_json(model) for model in models])


@routes.post("/v1/models")
async def create_model(request: web.Request) -> web.StreamResponse:
    """A model of the account's own, without a version: there is nothing of it to run."""
    world = request.app[WORLD]
    body = await read_object(request, _NEW)
    if body["owner"] != world.config.account:
        raise errors.not_yours()
    model = Model(
        owner=body["owner"],
        name=body["name"],
        description=body.get("description", ""),
        inputs={},
        required=(),
        make=makers.echo,
        output={},
        visibility=body["visibility"],
        release=0,
        links={name: body[name] for name in (*_LINKS, "cover_image_url") if name in body},
    )
    if model.full_name in world.catalog.models:
        raise errors.already_there("model")
    world.catalog.keep(model)
    return json_answer(model_json(model), 201)


@routes.get("/v1/models/{owner}/{name}")
async def get_model(request: web.Request) -> web.StreamResponse:
    """One model with its latest version."""
    return json_answer(model_json(_find(request)))


@routes.patch("/v1/models/{owner}/{name}")
async def change_model(request: web.Request) -> web.StreamResponse:
    """Other words and links for a model of the account's own."""
    model = _find_own(request)
    body = await read_object(request, _CHANGE)
    changed = replace(
        model,
        description=body.get("description", model.description),
        readme=body.get("readme", model.readme),
        links={**model.links, **{name: body[name] for name in _LINKS if name in body}},
    )
    request.app[WORLD].catalog.keep(changed)
    return json_answer(model_json(changed))


@routes.delete("/v1/models/{owner}/{name}")
async def delete_model(request: web.Request) -> web.StreamResponse:
    """Forget a private model of the account's own."""
    model = _find_own(request)
    if model.visibility != "private":
        raise errors.not_yours("You can only delete private models.")
    request.app[WORLD].catalog.drop(model)
    return web.Response(status=204)


@routes.get("/v1/models/{owner}/{name}/readme")
async def get_readme(request: web.Request) -> web.StreamResponse:
    """What its author says of it, as Markdown."""
    model = _find(request)
    if model.readme is None and not model.has_version:
        raise errors.not_found()
    return web.Response(text=model.readme or f"# {model.name}\n\n{model.description}.\n")


@routes.get("/v1/models/{owner}/{name}/examples")
async def list_examples(request: web.Request) -> web.StreamResponse:
    """Predictions its author shows, on one page."""
    world = request.app[WORLD]
    model = _find(request)
    shown = [item for item in world.examples.values() if item.model.full_name == model.full_name]
    return page_answer(request, [world.views.prediction(item) for item in shown])


@routes.get("/v1/models/{owner}/{name}/versions")
async def list_versions(request: web.Request) -> web.StreamResponse:
    """A model's versions: here one at most."""
    model = _find(request)
    return page_answer(request, [version_json(model)] if model.has_version else [])


@routes.get("/v1/models/{owner}/{name}/versions/{version}")
async def get_version(request: web.Request) -> web.StreamResponse:
    """One version with its input and output schemas."""
    model = _find(request)
    if not model.has_version or request.match_info["version"] != model.version:
        raise errors.not_found()
    return json_answer(version_json(model))


def _find(request: web.Request) -> Model:
    model = request.app[WORLD].catalog.models.get(full_name(request))
    if model is None:
        raise errors.not_found()
    return model


def _find_own(request: web.Request) -> Model:
    model = _find(request)
    if not request.app[WORLD].catalog.is_made(model):
        raise errors.not_yours()
    return model
