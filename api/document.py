"""The OpenAPI document once every route is in it: what holds of all of them is said here."""

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from flask_openapi3.models import OPENAPI3_REF_TEMPLATE
from pydantic import BaseModel

from api.answer_schemas_v1 import ReplicateProblem
from api.errors import PROBLEM_JSON, FieldError
from api.openapi_headers import described, headers
from api.replicate_problems import UNDER, in_replicates_words

Json = dict[str, Any]

LIMITS = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")
OF_ERRORS = {"416": "Content-Range", "429": "Retry-After", "503": "Retry-After"}


def complete(document: Json) -> None:
    """Add the headers that routes have in common, and mend what the library cannot say."""
    schemas = document["components"]["schemas"]
    document["components"]["headers"] = headers()
    for operation in _operations(document):
        for parameter in operation.get("parameters", ()):
            parameter["schema"] = schema = _without_null(parameter["schema"])
            if "description" in schema:
                parameter.setdefault("description", schema["description"])
        _tell_headers(operation)
        _tell_whether_a_body_is_needed(operation, schemas)
    schemas |= _with_parts(ReplicateProblem)
    for path, methods in document["paths"].items():
        if path.startswith(UNDER):
            for operation in methods.values():
                _tell_problems_as_replicate(operation)


def _operations(document: Json) -> Iterator[Json]:
    for path in document["paths"].values():
        yield from path.values()


def _without_null(schema: Json) -> Json:
    """A parameter that is null is one that does not come: no text of it means null."""
    kept = {name: value for name, value in schema.items() if name != "anyOf"}
    if kept.get("default", ...) is None:
        del kept["default"]
    choices = [choice for choice in schema.get("anyOf", ()) if choice != {"type": "null"}]
    return {**kept, **choices[0]} if len(choices) == 1 else schema


def _tell_headers(operation: Json) -> None:
    responses = dict(sorted(operation["responses"].items()))
    limited, keyed = "429" in responses, operation.get("security")
    for status, response in responses.items():
        names = ["X-Request-Id", *(LIMITS if limited else ())]
        if PROBLEM_JSON in response.get("content", {}):
            names += [OF_ERRORS[status]] if status in OF_ERRORS else []
            names += ["WWW-Authenticate"] if status == "401" and keyed else []
        response["headers"] = {**response.get("headers", {}), **described(*names)}
    operation["responses"] = responses


def _with_parts(model: type[BaseModel]) -> Json:
    """The schemas of a model and of its parts, by name."""
    schema = model.model_json_schema(ref_template=OPENAPI3_REF_TEMPLATE)
    return {**schema.pop("$defs", {}), model.__name__: schema}


def _tell_problems_as_replicate(operation: Json) -> None:
    for response in operation["responses"].values():
        if found := response.get("content", {}).get(PROBLEM_JSON):
            said = found["example"]
            places = [FieldError(**place) for place in said.get("errors", ())]
            response["content"][PROBLEM_JSON] = {
                "schema": {"$ref": f"#/components/schemas/{ReplicateProblem.__name__}"},
                "example": in_replicates_words(
                    HTTPStatus(said["status"]), said["title"], said["detail"], places
                ),
            }


def _tell_whether_a_body_is_needed(operation: Json, schemas: Json) -> None:
    """No body at all is an empty object: it will do where nothing must stand in it."""
    body = operation.get("requestBody", {})
    reference = body.get("content", {}).get("application/json", {}).get("schema", {}).get("$ref")
    if reference is not None:
        schema = schemas[reference.rpartition("/")[2]]
        body["required"] = "required" in schema or "oneOf" in schema
