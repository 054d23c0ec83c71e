"""Pages of lists, as Replicate has them: absolute addresses lead to what is older and newer."""

import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from flask import request

from api.cursors import Listed, read_cursor, write_cursor

PAGE = 100
NEWER = "newer."  # a cursor that goes back


def find_page(
    read: Callable[..., list[Listed]], cursor: str | None
) -> tuple[list[Listed], uuid.UUID | None, uuid.UUID | None]:
    """What is on a page, newest first; and the ids behind which older and newer ones follow.

    `read` gives the newest `limit` ones older than `before`, or the oldest newer than `after`.
    """
    back = cursor is not None and cursor.startswith(NEWER)
    place = read_cursor(cursor.removeprefix(NEWER) if cursor else None)
    before, after = (None, place) if back else (place, None)
    found = read(before=before, after=after, limit=PAGE + 1)
    there_is_more = len(found) > PAGE
    shown = (found[-PAGE:] if back else found[:PAGE]) if there_is_more else found
    if not shown:
        return [], None, None
    older, newer = shown[-1].id, shown[0].id
    if back:
        return shown, older, newer if there_is_more else None
    return shown, older if there_is_more else None, newer if place else None


def addresses(base_url: str, older: uuid.UUID | None, newer: uuid.UUID | None) -> dict[str, Any]:
    """`next` and `previous` of the page that this request asked for."""

    def address(cursor: str) -> str:
        query = urlencode({**request.args.to_dict(), "cursor": cursor})
        return f"{base_url}{request.path}?{query}"

    return {
        "next": None if older is None else address(write_cursor(older)),
        "previous": None if newer is None else address(NEWER + write_cursor(newer)),
    }
