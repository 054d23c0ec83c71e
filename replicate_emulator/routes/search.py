"""Finding models: collections of them, and a search over all."""

from typing import Any

from aiohttp import web

from replicate_emulator import errors
from replicate_emulator.answers import WORLD, json_answer
from replicate_emulator.model_list import COLLECTIONS
from replicate_emulator.models import Model
from replicate_emulator.routes.pages import page_answer
from replicate_emulator.shapes import collection_json, model_json

routes = web.RouteTableDef()

_MOST = 50
_USUAL = 20


@routes.get("/v1/collections")
async def list_collections(request: web.Request) -> web.StreamResponse:
    """All collections, on one page."""
    return page_answer(request, [collection_json(item) for item in COLLECTIONS])


@routes.get("/v1/collections/{slug}")
async def get_collection(request: web.Request) -> web.StreamResponse:
    """One collection with its models."""
    slug = request.match_info["slug"]
    collection = next((item for item in COLLECTIONS if item.slug == slug), None)
    if collection is None:
        raise errors.not_found()
    models = request.app[WORLD].catalog.models
    return json_answer(
        {
            **collection_json(collection),
            "full_description": f"## {collection.name}\n\n{collection.description}\n",
            "models": [model_json(models[name]) for name in collection.models],
        }
    )


@routes.get("/v1/search")
async def search(request: web.Request) -> web.StreamResponse:
    """The public models and collections with all words of the query. No token is asked for."""
    query = request.query.get("query", "").strip()
    limit = request.query.get("limit", str(_USUAL))
    if not query:
        return json_answer({"detail": 'Query parameter "query" is required'}, 400)
    if not limit.isdecimal() or not 1 <= int(limit) <= _MOST:
        return json_answer({"detail": f'Query parameter "limit" must be 1 to {_MOST}'}, 400)
    found = request.app[WORLD].catalog.search(query)[: int(limit)]
    words = query.lower().split()
    collections = [
        {**collection_json(item), "models": list(item.models)}
        for item in COLLECTIONS
        if all(word in f"{item.name} {item.description}".lower() for word in words)
    ]
    models = [{"model": model_json(model), "metadata": _metadata(model)} for model in found]
    body = {"query": query, "models": models, "collections": collections, "pages": []}
    return json_answer(body)


def _metadata(model: Model) -> dict[str, Any]:
    tags = [item.slug for item in COLLECTIONS if model.full_name in item.models]
    return {"generated_description": f"{model.description}.", "tags": tags, "score": 1.0}
