"""Pages of predictions, as Replicate has them: absolute addresses lead to older and newer ones."""

import uuid
from typing import Any
from urllib.parse import urlencode

from flask import request
from sqlalchemy.orm import Session

from api.cursors import read_cursor, write_cursor
from fixative.jobs.listing import JobQuery, list_jobs
from fixative.postgres.tables import Job

PAGE = 100
NEWER = "newer."  # a cursor that goes back


def find_page(
    session: Session, wanted: JobQuery, cursor: str | None
) -> tuple[list[Job], uuid.UUID | None, uuid.UUID | None]:
    """The jobs of a page, newest first; and the ids behind which older and newer ones follow.

    Raises InvalidRequest for a cursor that is none.
    """
    back = cursor is not None and cursor.startswith(NEWER)
    place = read_cursor(cursor.removeprefix(NEWER) if cursor else None)
    before, after = (None, place) if back else (place, None)
    found = list_jobs(session, wanted, before=before, after=after, limit=PAGE + 1, whole=True)
    there_is_more = len(found) > PAGE
    jobs = (found[-PAGE:] if back else found[:PAGE]) if there_is_more else found
    if not jobs:
        return [], None, None
    older, newer = jobs[-1].id, jobs[0].id
    if back:
        return jobs, older, newer if there_is_more else None
    return jobs, older if there_is_more else None, newer if place else None


def addresses(base_url: str, older: uuid.UUID | None, newer: uuid.UUID | None) -> dict[str, Any]:
    """`next` and `previous` of the page that this request asked for."""

    def address(cursor: str) -> str:
        query = urlencode({**request.args.to_dict(), "cursor": cursor})
        return f"{base_url}{request.path}?{query}"

    return {
        "next": None if older is None else address(write_cursor(older)),
        "previous": None if newer is None else address(NEWER + write_cursor(newer)),
    }
