"""What the OpenAPI document says of errors and keys, once for all routes."""

from http import HTTPStatus
from typing import Any

from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from api.errors import PROBLEM_JSON

SECURITY_SCHEMES: dict[str, Any] = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "A key: `fx_…`, or a token"},
    "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
}
A_KEY: list[dict[str, list[str]]] = [{"bearer": []}, {"header": []}]

EXAMPLES = {
    400: "the body is not JSON: Expecting value: line 1 column 1 (char 0)",
    401: "a valid key is needed, as Authorization: Bearer or X-API-Key",
    402: "this job may cost 0.04 US dollars, more than is left of the owner's budget (day, 10)",
    403: "this key lacks the scope submit",
    404: "no job 019a0000-0000-7000-8000-000000000000",
    409: "this Idempotency-Key was used for another request",
    410: "job 019a0000-0000-7000-8000-000000000000 was deleted",
    413: "The data value transmitted exceeds the capacity limit.",
    415: "the body must be sent as Content-Type: application/json",
    416: "The server cannot provide the requested range.",
    422: "the request does not fit",
    429: "too many requests of this key: 60 are allowed",
    500: "something went wrong here",
    502: "Replicate refuses the token that this service has",
    503: "Postgres does not answer in time",
}
BYTES = {"type": "string", "format": "binary"}
A_FIELD = {"loc": ["model"], "msg": "Field required", "type": "missing"}


def resource(name: str, *, keys_only: bool = False) -> APIBlueprint:
    """A blueprint for one resource's routes; with `keys_only`, all of them need a key."""
    return APIBlueprint(
        name,
        __name__,
        abp_tags=[Tag(name=name)],
        abp_security=A_KEY if keys_only else None,
        abp_responses=problems(401, 403, 429, 500, 503) if keys_only else problems(500),
        operation_id_callback=_operation_id,
    )


def problems(*statuses: int) -> dict[str | int | HTTPStatus, Any]:
    """The `responses` of these errors."""
    return {status: _problem(status) for status in statuses}


def content(media_type: str, schema: dict[str, Any], description: str) -> dict[str, Any]:
    """A response that is no JSON model."""
    return {"description": description, "content": {media_type: {"schema": schema}}}


def _operation_id(*, bp_name: str, name: str, path: str, method: str) -> str:  # noqa: ARG001
    """Short names for generated clients: the library's would repeat path and method."""
    return f"{bp_name}_{name}"


def _problem(status: int) -> dict[str, Any]:
    phrase = HTTPStatus(status).phrase
    example = {
        "type": "about:blank",
        "title": phrase,
        "status": status,
        "detail": EXAMPLES[status],
        **({"errors": [A_FIELD]} if status == HTTPStatus.UNPROCESSABLE_ENTITY else {}),
    }
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        "description": phrase,
        "content": {PROBLEM_JSON: {"schema": schema, "example": example}},
    }
