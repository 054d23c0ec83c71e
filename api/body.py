"""JSON in: a body is read strictly, and nothing passes that Postgres or JSON could not hold."""

import json
import math
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from typing import Any

from flask import Flask, Request, Response, request
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge, UnsupportedMediaType

from api.errors import FieldError, Unprocessable

LARGEST = 25 * 2**20
MOST_DRAINED = 4 * LARGEST
PIECE = 64 * 1024
DEEPEST = 100
MOST_ERRORS = 20
SMALLEST_INTEGER, LARGEST_INTEGER = -(2**63), 2**64 - 1


class StrictRequest(Request):
    """A request whose JSON body is an object, or an error that says what is wrong with it."""

    def get_json(self, force: bool = False, silent: bool = False, cache: bool = True) -> Any:  # noqa: ARG002
        """The body's object, never silently None; that of no body at all is empty.

        Raises UnsupportedMediaType, RequestEntityTooLarge, BadRequest or Unprocessable.
        """
        if not self.mimetype and not read_bytes(self, LARGEST):
            return {}
        if not self.is_json:
            raise UnsupportedMediaType("the body must be sent as Content-Type: application/json")
        return parse_object(read_bytes(self, LARGEST))


def read_bytes(request: Request, most: int) -> bytes:
    """The whole body. Raises RequestEntityTooLarge, whatever length it claims, or BadRequest."""
    return b"".join(pieces(request, most))


def pieces(request: Request, most: int) -> Iterator[bytes]:
    """The body as it comes in. Raises RequestEntityTooLarge or BadRequest, also while it is read.

    Werkzeug's own limit cuts a chunked body off where it should refuse it.
    """
    told = request.content_length
    if told is not None and told > most:
        raise _too_large(most)
    return _counted(request, told, most)


def _counted(request: Request, told: int | None, most: int) -> Iterator[bytes]:
    read = 0
    while piece := request.stream.read(PIECE):
        read += len(piece)
        if read > most:
            raise _too_large(most)
        yield piece
    if told is not None and read < told:
        raise BadRequest("the body ended before its Content-Length")


def _too_large(most: int) -> RequestEntityTooLarge:
    return RequestEntityTooLarge(f"a body may have {most} bytes here")


def register_draining(app: Flask) -> None:
    """Take what is still being sent before a refusal is answered, as far as that goes.

    Otherwise the connection is reset under a client that has not come to reading yet, and it
    never learns why.
    """

    @app.after_request
    def drain(response: Response) -> Response:
        left = MOST_DRAINED
        with suppress(Exception):  # a broken body changes nothing about the answer
            while left > 0 and (piece := request.stream.read(PIECE)):
                left -= len(piece)
        return response


def parse_object(raw: bytes) -> dict[str, Any]:
    """The object that a JSON text is, if it can be stored. Raises BadRequest or Unprocessable."""
    value = parse_json(raw)
    if not isinstance(value, dict):
        raise Unprocessable([FieldError((), "the body must be an object", "dict_type")])
    return storable(value)


def storable(body: dict[str, Any]) -> dict[str, Any]:
    """The same object, if it can be stored. Raises Unprocessable."""
    errors = list(islice(_unstorable(body), MOST_ERRORS))
    if errors:
        raise Unprocessable(errors)
    return body


def parse_json(raw: bytes) -> Any:
    """The value of a JSON text in UTF-8. Raises BadRequest, or Unprocessable when too deep."""
    try:
        return json.loads(raw.decode(), parse_constant=_refuse_constant)
    except RecursionError:
        raise Unprocessable([_too_deep(())]) from None
    except ValueError as error:
        raise BadRequest(f"the body is not JSON: {error}") from None


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON value")


def _unstorable(body: dict[str, Any]) -> Iterator[FieldError]:
    left: list[tuple[tuple[str | int, ...], Any]] = [((), body)]
    while left:
        place, value = left.pop()
        if isinstance(value, dict | list) and len(place) > DEEPEST:
            yield _too_deep(place[:1])
        elif isinstance(value, dict):
            for key, inner in value.items():
                if problem := _wrong_text(key):
                    yield FieldError(
                        (*place, _shown(key)), f"a key has {problem}", "string_unicode"
                    )
                left.append(((*place, key), inner))
        elif isinstance(value, list):
            left.extend(((*place, index), inner) for index, inner in enumerate(value))
        elif problem := _wrong_scalar(value):
            yield FieldError(tuple(map(_shown, place)), f"has {problem}", "unstorable")


def _wrong_scalar(value: Any) -> str | None:
    if isinstance(value, str):
        return _wrong_text(value)
    if isinstance(value, float) and not math.isfinite(value):
        return "a number too large to hold"
    if isinstance(value, int) and not SMALLEST_INTEGER <= value <= LARGEST_INTEGER:
        return "an integer beyond 64 bits"
    return None


def _wrong_text(text: str) -> str | None:
    if "\0" in text:
        return "a NUL character, which Postgres cannot store"
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            return "half of a surrogate pair"
    return None


def _too_deep(place: tuple[str | int, ...]) -> FieldError:
    return FieldError(place, f"nested deeper than {DEEPEST} levels", "nested_too_deep")


def _shown(part: str | int) -> str | int:
    return part.encode(errors="replace").decode() if isinstance(part, str) else part
