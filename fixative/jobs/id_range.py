"""The ids that a page of jobs may have: those that are made here begin with their time."""

import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from fixative.jobs.job_query import FOREIGN, JobQuery
from fixative.postgres.base import among, first_id
from fixative.postgres.tables import Job

FIRST, LAST = uuid.UUID(int=0), uuid.UUID(int=2**128 - 1)
CLOCKS_DIFFER = timedelta(hours=1)  # of who makes ids, and of who says when a row was made
# Another system's records have ids of their own, that begin with no time.
ANY_UNTIMED = select(Job.id).where(among(Job.source, FOREIGN)).limit(1)


@dataclass(frozen=True)
class Range:
    """Ids between two that are not in it, from the newest down or from the oldest up."""

    after: uuid.UUID
    before: uuid.UUID
    upward: bool

    @property
    def conditions(self) -> list[ColumnElement[bool]]:
        """The same in SQL, as far as there are bounds."""
        above = [] if self.after == FIRST else [Job.id > self.after]
        return above if self.before == LAST else [*above, Job.id < self.before]

    def along(self, *columns: Any) -> list[Any]:
        """The order of an index."""
        return list(columns) if self.upward else [column.desc() for column in columns]


def ids_between(
    session: Session, query: JobQuery, before: uuid.UUID | None, after: uuid.UUID | None
) -> Range:
    """The ids between these two jobs' whose instants a query allows.

    Where a record of another system has brought others, no time follows from an id.
    """
    first, last = after or FIRST, before or LAST
    since, until = query.created_after, query.created_before
    if (since or until) and session.scalar(ANY_UNTIMED) is None:
        first = max(first, first_id(since, -CLOCKS_DIFFER)) if since else first
        last = min(last, first_id(until, CLOCKS_DIFFER)) if until else last
    return Range(first, last, upward=after is not None)
