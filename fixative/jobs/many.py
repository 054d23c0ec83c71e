"""Many jobs, found by a filter and dealt with one after the other, a transaction each."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

from fixative.errors import Conflict, Gone, OverBudget
from fixative.jobs.listing import JobQuery, list_jobs
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
        found = [job.id for job in list_jobs(session, query, before=before, limit=limit + 1)]
    dealt = Dealt(last=found[limit - 1] if len(found) > limit else None)
    for job_id in found[:limit]:
        try:
            hints = deal(job_id)
        except (Conflict, Gone, OverBudget) as error:
            dealt.refused.append((job_id, str(error)))
        else:
            dealt.done.append(job_id)
            dealt.hints += hints[: MOST_HINTS - len(dealt.hints)]
    return dealt
