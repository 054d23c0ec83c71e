"""Owners: who they are, how much of the pace is theirs, how long their jobs are kept."""

from typing import Any

from flask_openapi3.blueprint import APIBlueprint

from api import answer_schemas_access as answers
from api.auth import needs
from api.changes import say_of_owner
from api.openapi import problems, resource
from api.schemas import OwnerRequest
from fixative.access.owners import list_owners
from fixative.postgres.engine import Database
from fixative.postgres.tables import Owner
from fixative.settings import Settings


def owner_routes(settings: Settings, database: Database) -> APIBlueprint:
    """The routes under /admin/owners."""
    routes = resource("owners", keys_only=True)

    @routes.get("/admin/owners", responses={200: answers.OwnerPage})
    @needs("admin")
    def show_owners() -> dict[str, Any]:
        """List every owner, by name."""
        with database.begin() as session:
            return {"items": [_item(owner) for owner in list_owners(session)], "next": None}

    @routes.post(
        "/admin/owners", responses={200: answers.OwnerItem, **problems(400, 413, 415, 422)}
    )
    @needs("admin")
    def make_owner(body: OwnerRequest) -> dict[str, Any]:
        """Make an owner, or change what is said of one; what is left out stays as it is."""
        return _item(say_of_owner(database, body, settings.allowed_webhook_hosts))

    return routes


def _item(owner: Owner) -> dict[str, Any]:
    return {name: getattr(owner, name) for name in answers.OwnerItem.model_fields}
