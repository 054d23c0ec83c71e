"""Many jobs, found by a filter and dealt with one after the other, a transaction each."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

from sqlalchemy.orm import Session

from fixative.errors import Conflict, Gone, OverBudget
from fixative.jobs.job_query import JobQuery
from fixative.jobs.listing import list_jobs
from fixative.names import Hint
from fixative.postgres.engine import Database

MOST_HINTS = 100  # what has none is found by the sweep


@dataclass
class Dealt:
    """What became of the jobs that were looked at; `last` is the last of them, if more follow."""

    done: list[uuid.UUID] = field(default_factory=list)
    refused: list[tuple[uuid.UUID, str]] = field(default_factory=list)
    last: uuid.UUID | None = None
    hints: list[Hint] = field(default_factory=list)


def find_many(
    session: Session, query: JobQuery, *, before: uuid.UUID | None, limit: int
) -> tuple[list[uuid.UUID], uuid.UUID | None]:
    """The newest `limit` jobs older than `before`; and the last of them, if more follow."""
    found = [job.id for job in list_jobs(session, query, before=before, limit=limit + 1)]
    return found[:limit], found[limit - 1] if len(found) > limit else None


def deal_with(
    database: Database,
    query: JobQuery,
    deal: Callable[[uuid.UUID], list[Hint]],
    *,
    before: uuid.UUID | None,
    limit: int,
) -> Dealt:
    """Deal with the newest `limit` jobs that are older than `before`.

    `deal` has a transaction of its own and answers the hints that follow. Where it raises Conflict,
    Gone or OverBudget, that is noted with its reason, and the next one comes.
    """
    with database.begin() as session:
        found, last = find_many(session, query, before=before, limit=limit)
    dealt = Dealt(last=last)
    for job_id in found:
        try:
            hints = deal(job_id)
        except (Conflict, Gone, OverBudget) as error:
            dealt.refused.append((job_id, str(error)))
        else:
            dealt.done.append(job_id)
            dealt.hints += hints[: MOST_HINTS - len(dealt.hints)]
    return dealt
