"""What explains the API: its OpenAPI document, and a page to try it."""

from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

from flask import Response, current_app
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.openapi import OpenAPI

from api.auth import open_to_anybody
from api.openapi import content, resource

DOCS = Path(__file__).parent.parent / "docs.html"
ITSELF_ONLY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HTML = {"type": "string"}
DOCUMENT = {"type": "object", "required": ["openapi", "info", "paths", "components"]}
SHORTEST = {
    "openapi": "3.1.0",
    "info": {"title": "Fixative", "version": version("fixative")},
    "paths": {},
    "components": {},
}


def pages_routes() -> APIBlueprint:
    """The document and the page; neither needs a key, nor another host."""
    routes = resource("pages")
    page = DOCS.read_text()

    @routes.get(
        "/docs", responses={200: content("text/html", HTML, "The page", "Content-Security-Policy")}
    )
    @open_to_anybody
    def docs() -> Response:
        """Show every operation, and let one try it."""
        return Response(
            page, content_type="text/html", headers={"Content-Security-Policy": ITSELF_ONLY}
        )

    @routes.get(
        "/openapi.json",
        responses={200: content("application/json", DOCUMENT, "OpenAPI 3.1", example=SHORTEST)},
    )
    @open_to_anybody
    def openapi() -> dict[str, Any]:
        """Describe every operation, in OpenAPI 3.1."""
        return cast("OpenAPI", current_app).api_doc

    return routes
