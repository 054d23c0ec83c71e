"""Errors under /v1 in Replicate's words, which its clients and their users know (recorded answers).

Replicate's problems have no `type`, and name the places of a request in `invalid_fields`.
"""

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any, Protocol

from flask import request
from werkzeug.exceptions import UnprocessableEntity

UNDER = "/v1/"
MISSING = ("missing", "required")
KNOWN: dict[int, dict[str, Any]] = {
    HTTPStatus.UNAUTHORIZED: {
        "title": "Unauthenticated",
        "detail": "You did not pass a valid authentication token",
    },
    HTTPStatus.NOT_FOUND: {"detail": "The requested resource could not be found."},
}


class Place(Protocol):
    """One place of a request that does not fit."""

    @property
    def loc(self) -> tuple[str | int, ...]:
        """Where it is."""

    @property
    def msg(self) -> str:
        """What is wrong."""

    @property
    def type(self) -> str:
        """The same in a word."""


class VersionNotPermitted(UnprocessableEntity):
    """A `version` that names nothing."""

    title = "Invalid version or not permitted"
    description = (
        "The specified version does not exist (or perhaps you don't have permission to use it?)"
    )


def speaks_as_replicate() -> bool:
    """Whether this request's errors are to be in Replicate's words."""
    return request.path.startswith(UNDER)


def in_replicates_words(
    status: HTTPStatus, title: str, detail: str, places: Iterable[Place]
) -> dict[str, Any]:
    """The content of a problem."""
    fields = [_field(place) for place in places]
    if fields:
        title, detail = "Input validation failed", "".join(map(_line, fields))
        return {"title": title, "detail": detail, "status": status, "invalid_fields": fields}
    return {**KNOWN.get(status, {"title": title, "detail": detail}), "status": status}


def _field(place: Place) -> dict[str, str]:
    """What is missing is said of where it is missing."""
    if place.type in MISSING:
        *within, name = map(str, place.loc)
        told = {"type": "required", "description": f"{name} is required"}
        return {**told, "field": ".".join(within)}
    return {"type": place.type, "field": ".".join(map(str, place.loc)), "description": place.msg}


def _line(field: dict[str, str]) -> str:
    place = f"{field['field']}: " if field["field"] else ""
    return f"- {place}{field['description']}\n"
