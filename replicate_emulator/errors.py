"""What is answered when something is wrong: Replicate's problem documents, word for word.

Wording: Replicate's docs, reference/error-codes, and recorded answers of its API.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any


class ConnectionCut(Exception):
    """The connection is to be reset, without an answer."""


class Problem(Exception):
    """An answer with `application/problem+json`: a status and a body."""

    def __init__(self, status: int, detail: str, title: str | None = None, **more: Any) -> None:
        super().__init__(detail)
        self.status = status
        self.body: dict[str, Any] = {"title": title} if title else {}
        self.body |= {"detail": detail, "status": status, **more}


@dataclass(frozen=True, slots=True)
class Invalid:
    """One thing that is wrong in a body; `field` is empty for the body itself."""

    type: str
    field: str
    description: str


def unauthenticated() -> Problem:
    """401: no token, or one that is not known."""
    return Problem(401, "You did not pass a valid authentication token", "Unauthenticated")


def insufficient_credit() -> Problem:
    """402: the account has nothing left to spend."""
    return Problem(
        402,
        "You have insufficient credit to run this model. Go to "
        "https://replicate.com/account/billing#billing to purchase credit. Once you purchase "
        "credit, please wait a few minutes before trying again.",
        "Insufficient credit",
    )


def not_found() -> Problem:
    """404: nothing by that name."""
    return Problem(404, "The requested resource could not be found.")


# The API documents these two only in words; status and wording are guesses.


def not_yours(detail: str = "You do not have permission to do that.") -> Problem:
    """403: it belongs to somebody else, or must not be done to it."""
    return Problem(403, detail, "Forbidden")


def already_there(kind: str) -> Problem:
    """409: there is one of that name."""
    return Problem(409, f"A {kind} with that name and owner already exists", "Conflict")


def malformed(detail: str) -> Problem:
    """400: the request cannot be read."""
    return Problem(400, detail, "Bad request")


def version_not_permitted() -> Problem:
    """422: the version named is none, or a community model was named without one."""
    return Problem(
        422,
        "The specified version does not exist (or perhaps you don't have permission to use it?)",
        "Invalid version or not permitted",
    )


def invalid_input(found: Sequence[Invalid]) -> Problem:
    """422: what is wrong in the body, each on a line and in `invalid_fields`."""
    lines = [
        f"- {item.field}: {item.description}\n" if item.field else f"- {item.description}\n"
        for item in found
    ]
    fields = [
        {"type": item.type, "field": item.field, "description": item.description} for item in found
    ]
    return Problem(422, "".join(lines), "Input validation failed", invalid_fields=fields)


def throttled(seconds: float, *, low_credit: bool) -> Problem:
    """429: too fast; `retry_after` is whole seconds, at least one."""
    wait = max(1, ceil(seconds))
    why = (
        "Your rate limit for creating predictions is reduced to 6 requests per minute with a "
        "burst of 1 requests while you have less than $5.0 in credit. "
        if low_credit
        else ""
    )
    detail = f"Request was throttled. {why}Your rate limit resets in ~{wait}s."
    return Problem(429, detail, retry_after=wait)


def server_error() -> Problem:
    """500: Replicate's own trouble."""
    return Problem(500, "Internal server error", "Internal server error")
