"""What routes say of themselves in the OpenAPI document: their keys, answers and errors."""

from http import HTTPStatus
from typing import Any

from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag
from pydantic import BaseModel

from api.errors import PROBLEM_JSON
from api.openapi_headers import described

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
OF_A_JOB = ("ETag", "Age", "Fixative-Stale", "Warning")  # of each answer that shows one whole
OF_BYTES = ("ETag", "Cache-Control", "Accept-Ranges", "Content-Disposition")
BYTES: dict[str, Any] = {}  # so OpenAPI 3.1 says that it is no text
A_FIELD = {"loc": ["model"], "msg": "Field required", "type": "missing"}


def stored(description: str, **besides: Any) -> dict[str | int | HTTPStatus, Any]:
    """The `responses` that send stored bytes: whole (or what else 200 brings), in part, or not."""
    part = (*OF_BYTES, "Content-Range")
    whole = content("*/*", BYTES, description, *OF_BYTES)
    return {
        200: {**whole, "content": {**whole["content"], **besides}},
        206: content("*/*", BYTES, "The part that Range asked for", *part),
        304: nothing("It is as If-None-Match has it", "ETag", "Cache-Control"),
    }


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


def with_headers(model: type[BaseModel], *headers: str) -> type[BaseModel]:
    """A response of this model that has these headers beside those that all have."""
    config = {"openapi_extra": {"headers": described(*headers)}}
    return type(model.__name__, (model,), {"__doc__": model.__doc__, "model_config": config})


def content(
    media_type: str, schema: dict[str, Any], description: str, *headers: str, example: Any = None
) -> dict[str, Any]:
    """A response that is no JSON model."""
    shown = {"schema": schema} if example is None else {"schema": schema, "example": example}
    return {**nothing(description, *headers), "content": {media_type: shown}}


def event(*names: str) -> dict[str, Any]:
    """The schema of one event of a stream, of which its `content` is many."""
    return {
        "type": "object",
        "description": "One event",
        "required": ["event", "data"],
        "properties": {
            "event": {"type": "string", "enum": list(names)},
            "id": {"type": "string", "description": "For Last-Event-ID", "pattern": "^[0-9]+$"},
            "data": {"type": "string"},
        },
    }


def nothing(description: str, *headers: str) -> dict[str, Any]:
    """A response without a body."""
    return {"description": description, "headers": described(*headers)}


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
