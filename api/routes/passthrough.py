"""The rest of /v1: Replicate's own API, passed through with our token."""

import math
from contextlib import ExitStack
from typing import Any
from urllib.parse import quote

from flask import Response, request
from flask_openapi3.blueprint import APIBlueprint
from werkzeug.exceptions import BadGateway, TooManyRequests

from api.addresses import base_url
from api.auth import needs
from api.body import LARGEST, pieces
from api.openapi import content, problems, resource
from api.places import Places
from api.schemas_v1 import OwnedPath, VersionPath
from fixative.errors import Refused
from fixative.replicate.client import THROTTLED, Replicate
from fixative.replicate.kept_reads import KeptReads
from fixative.replicate.pace import Pace
from fixative.replicate.passthrough import Answer, Asked, PassThrough
from fixative.replicate.transport import Streamed
from fixative.settings import Settings

MOST_AT_ONCE = 32
READERS = ("passthrough", "read", "submit")  # clients read these while they run something
EVERYTHING_ELSE = "/v1/<passed:path>"
METHODS = ("GET", "POST", "PATCH", "DELETE", "QUERY")
A_MODEL = {"owner": "black-forest-labs", "name": "flux-schnell", "visibility": "public"}
ANY_OTHER: dict[str, Any] = {
    "description": "Replicate's answer with another status",
    "content": {"*/*": {"schema": {}}},
}
TOLD: dict[Any, Any] = {
    200: content("application/json", {"type": "object"}, "As Replicate tells it", example=A_MODEL),
    "default": ANY_OTHER,
    **problems(404, 502),
}
IN_A_QUERY = "%&=+,:;/?@!$'()*~"


def passthrough_routes(
    settings: Settings, replicate: Replicate, reads: Pace, kept: KeptReads
) -> APIBlueprint:
    """The routes under /v1 that Replicate answers."""
    through = PassThrough(
        settings.replicate_base_url,
        replicate.transport,
        reads=reads,
        kept=kept,
    )
    routes = resource("replicate", keys_only=True)
    places = Places(MOST_AT_ONCE, "requests to Replicate")

    @routes.get("/v1/models/<part:owner>/<part:name>", responses=TOLD)
    @needs(*READERS)
    def show_model(path: OwnedPath) -> Response:  # noqa: ARG001 - for the document
        """Get a model, as Replicate tells of it."""
        return passed_on()

    @routes.get("/v1/models/<part:owner>/<part:name>/versions", responses=TOLD)
    @needs(*READERS)
    def list_versions(path: OwnedPath) -> Response:  # noqa: ARG001 - for the document
        """List a model's versions, as Replicate does."""
        return passed_on()

    @routes.get("/v1/models/<part:owner>/<part:name>/versions/<part:version>", responses=TOLD)
    @needs(*READERS)
    def show_version(path: VersionPath) -> Response:  # noqa: ARG001 - for the document
        """Get a version of a model, as Replicate tells of it."""
        return passed_on()

    # Not in our document: what these answer stands in Replicate's own.
    @routes.route(EVERYTHING_ELSE, methods=METHODS)
    @needs("passthrough")
    def pass_on(path: str) -> Response:  # noqa: ARG001 - it is the request's
        return passed_on()

    def passed_on() -> Response:
        return _passed_on(through, places, base_url(settings))

    return routes


def _passed_on(through: PassThrough, places: Places, here: str) -> Response:
    """Replicate's answer to this request; its place is held until all of it is sent."""
    with ExitStack() as closing:
        places.take()
        closing.callback(places.give_back)
        answer = _answer(through, here)
        response = Response(answer.body, answer.status, answer.headers)
        if isinstance(answer.body, Streamed):
            closing.callback(answer.body.close)
            if request.method != "HEAD":
                response.call_on_close(closing.pop_all().close)
    if "content-type" not in answer.headers:
        del response.headers["Content-Type"]
    return response


def _answer(through: PassThrough, here: str) -> Answer:
    asked = Asked(
        method="GET" if request.method == "HEAD" else request.method,
        path=request.path,
        query=quote(request.query_string, safe=IN_A_QUERY),
        headers={name.lower(): value for name, value in request.headers},
        body=pieces(request, LARGEST) if _has_body() else None,
    )
    try:
        return through.ask(asked, here)
    except Refused as error:
        if error.status != THROTTLED:
            raise BadGateway("Replicate refuses the token that this service has") from error
        seconds = max(1, math.ceil(error.retry_after or 0))
        detail = f"Request was throttled. Your rate limit resets in ~{seconds}s."
        raise TooManyRequests(detail, retry_after=seconds) from error


def _has_body() -> bool:
    return bool(request.content_length) or "Transfer-Encoding" in request.headers
