"""Models: what is offered here, and whether it still is what it was."""

from typing import Any

from flask_openapi3.blueprint import APIBlueprint

from api import answer_schemas_models as answers
from api.auth import needs
from api.openapi import problems, resource
from api.schemas import DriftRequest, ModelPath
from fixative.catalog.catalog import Catalog
from fixative.catalog.drift import check_models
from fixative.catalog.entry import Entry
from fixative.postgres.engine import Database

SHOWN = (
    *("id", "kind", "model", "version", "deployment", "aliases", "price"),
    *("estimated_seconds", "max_seconds", "max_cost", "parameters", "defaults"),
)


def models_routes(catalog: Catalog, database: Database) -> APIBlueprint:
    """The routes under /models, and the check of them."""
    routes = resource("models", keys_only=True)

    @routes.get("/models", responses={200: answers.ModelPage})
    @needs("read")
    def list_models() -> dict[str, Any]:
        """List the models of the registry, in its order."""
        return {"items": [_summary(entry) for entry in catalog.registry.entries()], "next": None}

    @routes.get("/models/<path:model_id>", responses={200: answers.Model, **problems(404)})
    @needs("read")
    def show(path: ModelPath) -> dict[str, Any]:
        """Look at a model of the registry, or at any public one, with the schema of its input.

        The schema is null while Replicate does not answer.
        """
        entry, live = catalog.look(path.model_id)
        return {**_summary(entry), "input_schema": live and live.input_schema}

    @routes.post(
        "/admin/models/check",
        description="Compares each model of the registry with what was first found of it: its"
        " schema at Replicate, what its metrics are counted in, how long it runs, the shape of its"
        " outputs. With `accept`, what is found now is right from now on.",
        responses={200: answers.DriftPage, **problems(400, 413, 415, 422)},
    )
    @needs("admin")
    def check(body: DriftRequest) -> dict[str, Any]:
        """See which models have drifted."""
        found = check_models(database, catalog, accept=body.accept)
        return {"items": [vars(drift) for drift in found], "next": None}

    return routes


def _summary(entry: Entry) -> dict[str, Any]:
    told = entry.model_dump(mode="json", include=set(SHOWN))
    return {name: told[name] for name in SHOWN}
