"""Lists as the API answers them, and bodies as it reads them."""

from typing import Any

import orjson
from aiohttp import web

from replicate_emulator import errors
from replicate_emulator.answers import WORLD, json_answer
from replicate_emulator.ledger import Cursor
from replicate_emulator.validation import check


def read_cursor(request: web.Request) -> Cursor | None:
    """The place the request wants to read on from. ValueError when it is none."""
    written = request.query.get("cursor")
    return Cursor.read(written) if written else None


def page_answer(
    request: web.Request,
    results: list[dict[str, Any]],
    older: Cursor | None = None,
    newer: Cursor | None = None,
) -> web.Response:
    """A page of results, with the addresses of the pages to both sides."""
    following, previous = _page_url(request, older), _page_url(request, newer)
    return json_answer({"next": following, "previous": previous, "results": results})


async def read_json(request: web.Request) -> Any:
    """The body. Problem 400 when it is no JSON."""
    try:
        return orjson.loads(await request.read())
    except orjson.JSONDecodeError as error:
        raise errors.malformed(f"JSON parse error - {error}") from error


async def read_object(request: web.Request, schema: dict[str, Any]) -> dict[str, Any]:
    """The body, of that schema. Problem 422 when it is not."""
    body = await read_json(request)
    found = list(check(body, {"type": "object", **schema}, ""))
    if found:
        raise errors.invalid_input(found)
    return dict(body)


def full_name(request: web.Request) -> str:
    """The `owner/name` in the request's path."""
    return f"{request.match_info['owner']}/{request.match_info['name']}"


def _page_url(request: web.Request, cursor: Cursor | None) -> str | None:
    if cursor is None:
        return None
    query = dict(request.query) | {"cursor": cursor.write()}
    return f"{request.app[WORLD].public_url}{request.rel_url.with_query(query)}"
