"""Every error as application/problem+json (RFC 9457): one table, one shape, never a stack trace."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from http import HTTPStatus
from typing import NoReturn

import structlog
from flask import Flask, Response
from pydantic import ValidationError
from werkzeug.exceptions import HTTPException

from api.answers import dump
from api.replicate_problems import in_replicates_words, speaks_as_replicate
from fixative.errors import (
    BadSignature,
    BucketError,
    Conflict,
    DatabaseAway,
    FixativeError,
    Gone,
    InvalidInput,
    InvalidRequest,
    MalformedPrediction,
    NotFound,
    OverBudget,
    ReplicateError,
    SigningKeysAway,
)

PROBLEM_JSON = "application/problem+json"
RETRY_AFTER_SECONDS = 2

# The status of each error, and what is said where its own words are for the log only.
ANSWERS: dict[type[FixativeError], tuple[HTTPStatus, str | None]] = {
    NotFound: (HTTPStatus.NOT_FOUND, None),
    Gone: (HTTPStatus.GONE, None),
    Conflict: (HTTPStatus.CONFLICT, None),
    OverBudget: (HTTPStatus.PAYMENT_REQUIRED, None),
    InvalidRequest: (HTTPStatus.UNPROCESSABLE_ENTITY, None),
    InvalidInput: (HTTPStatus.UNPROCESSABLE_ENTITY, None),
    BadSignature: (HTTPStatus.UNAUTHORIZED, "the webhook's signature is missing, stale or wrong"),
    SigningKeysAway: (
        HTTPStatus.SERVICE_UNAVAILABLE,
        "the issuer of tokens does not answer as it should",
    ),
    MalformedPrediction: (HTTPStatus.UNPROCESSABLE_ENTITY, None),
    DatabaseAway: (HTTPStatus.SERVICE_UNAVAILABLE, "Postgres does not answer in time"),
    BucketError: (HTTPStatus.SERVICE_UNAVAILABLE, "the bucket does not answer as it should"),
    ReplicateError: (HTTPStatus.SERVICE_UNAVAILABLE, "Replicate does not answer as it should"),
    FixativeError: (HTTPStatus.INTERNAL_SERVER_ERROR, "something went wrong here"),
}

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class FieldError:
    """One place of a request that does not fit."""

    loc: tuple[str | int, ...]
    msg: str
    type: str


class Unprocessable(Exception):
    """A well-formed request whose content does not fit; `errors` names each place."""

    def __init__(self, errors: Sequence[FieldError]) -> None:
        super().__init__("; ".join(error.msg for error in errors))
        self.errors = errors


def register_errors(app: Flask) -> None:
    """Answer every error of this application as a problem."""
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Unprocessable, _unprocessable)
    app.register_error_handler(FixativeError, _expected)
    app.register_error_handler(Exception, _unexpected)


def raise_unprocessable(error: ValidationError) -> NoReturn:
    """Turn what pydantic found into our error."""
    found = error.errors(include_url=False, include_input=False, include_context=False)
    raise Unprocessable([FieldError(e["loc"], e["msg"], e["type"]) for e in found])


def problem(
    status: HTTPStatus,
    detail: str,
    errors: Sequence[FieldError] = (),
    *,
    title: str | None = None,
    retry_after: int | None = None,
) -> Response:
    """An answer in the shape of all errors; `about:blank` says that the title is the status's.

    Under /v1 it is Replicate's shape, where a title may say more, and the seconds of a Retry-After
    are told once more.
    """
    content = {"type": "about:blank", "title": status.phrase, "status": status, "detail": detail}
    if errors:
        content["errors"] = [asdict(error) for error in errors]
    if speaks_as_replicate():
        content = in_replicates_words(status, title or status.phrase, detail, errors)
        if retry_after is not None:
            content["retry_after"] = retry_after
    answer = Response(dump(content), status, content_type=PROBLEM_JSON)
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        answer.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return answer


def _http(error: HTTPException) -> Response:
    status = HTTPStatus(error.code or HTTPStatus.INTERNAL_SERVER_ERROR)
    title = getattr(error, "title", None)
    answer = problem(
        status,
        error.description or status.phrase,
        title=title,
        retry_after=getattr(error, "retry_after", None),
    )
    for name, value in error.get_headers():  # Allow, WWW-Authenticate, Retry-After, Content-Range
        if name != "Content-Type":
            answer.headers[name] = value
    return answer


def _unprocessable(error: Unprocessable) -> Response:
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, "the request does not fit", error.errors)


def told_of(error: FixativeError) -> tuple[HTTPStatus, str]:
    """The status of an error, and what may be said of it; the rest is logged."""
    status, detail = next(ANSWERS[kind] for kind in type(error).__mro__ if kind in ANSWERS)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        log.error("request_failed", error=type(error).__name__, reason=str(error))
    return status, detail or str(error)


def _expected(error: FixativeError) -> Response:
    status, detail = told_of(error)
    if isinstance(error, InvalidInput):
        return _unprocessable(Unprocessable([FieldError(**vars(m)) for m in error.misfits]))
    if isinstance(error, InvalidRequest):
        return _unprocessable(Unprocessable([FieldError((error.field,), str(error), "invalid")]))
    return problem(status, detail)


def _unexpected(error: Exception) -> Response:
    log.error("unexpected_error", exc_info=error)
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "something went wrong here")
