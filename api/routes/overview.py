"""The overview: how it goes, at a glance."""

from dataclasses import asdict
from typing import Any

from flask_openapi3.blueprint import APIBlueprint

from api import answer_schemas_overview as answers
from api.auth import needs, owner_seen
from api.openapi import resource
from fixative.jobs.overview import overview
from fixative.postgres.engine import Database


def overview_routes(database: Database) -> APIBlueprint:
    """The route /overview."""
    routes = resource("overview", keys_only=True)

    @routes.get("/overview", responses={200: answers.Overview})
    @needs("read")
    def show() -> dict[str, Any]:
        """See what your jobs of the last hour became, and what is under way."""
        with database.begin() as session:
            now = overview(session, owner_seen())
        return {**asdict(now), "accepted": now.accepted, "success_rate": now.success_rate}

    return routes
