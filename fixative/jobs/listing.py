"""Lists of jobs, a page at a time, and what is left to do, in numbers.

A page is read along an index, from its first row on, however long the history: an owner's along
that of the owner, or of what else is asked for; everybody's is made of the owners' own pages.
"""

import uuid
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Select, func, select, true, tuple_
from sqlalchemy.orm import Session, aliased, defer

from fixative.jobs.id_range import Range, ids_between
from fixative.jobs.job_query import JobQuery
from fixative.jobs.search import search
from fixative.jobs.states import FORWARD
from fixative.postgres.base import among, written_out
from fixative.postgres.tables import Job, Owner

USUAL = (None, ("succeeded",))  # statuses that have no index, since nearly all jobs have them


def list_jobs(
    session: Session,
    query: JobQuery,
    *,
    before: uuid.UUID | None,
    limit: int,
    after: uuid.UUID | None = None,
    whole: bool = False,
) -> list[Job]:
    """The newest `limit` jobs older than the job `before`; newest first.

    With `after`, the oldest `limit` of those that are newer than that job. They are without their
    inputs unless `whole`.
    """
    owner_id = query.owner_id
    if query.owner is not None:
        owner_id = _owner(session, query)
        if owner_id is None:
            return []
        query = replace(query, owner_id=owner_id, owner=None)
    ids = ids_between(session, query, before, after)
    most = written_out(limit)
    if query.words is not None and (found := search(session, query, ids, limit)):
        job, page = found
    elif owner_id is None and (query.attributes or query.ended_badly) and query.words is None:
        of_each = _page(query, Owner.id, ids).limit(most).correlate(Owner).lateral()
        job = aliased(Job, of_each)
        page = select(job).select_from(Owner).join(job, true()).order_by(*ids.along(job.id))
    else:
        job, page = Job, _page(query, owner_id, ids)
    if not whole:
        page = page.options(defer(job.input, raiseload=True))
    jobs = list(session.scalars(page.limit(most)))
    return jobs[::-1] if ids.upward else jobs


def _page(query: JobQuery, owner_id: Any, ids: Range) -> Select[Job]:
    """The jobs in order; `owner_id` None: everybody's.

    Where one index has them, the range is that of its rows: the plan then has no choice. It would
    go by how many there are, and not see that all of them may be old.
    """
    by_one_index = owner_id is not None and _by_one_index(query)
    names = query.attributes[:1] if by_one_index else []
    page = select(Job).where(*query.conditions(*names))
    if owner_id is None:
        return page.where(*ids.conditions).order_by(*ids.along(Job.id))
    if not by_one_index:
        of_owner = page.where(Job.owner_id == owner_id, *ids.conditions)
        return of_owner.order_by(*ids.along(Job.id))
    columns = (*(getattr(Job, name) for name in names), Job.owner_id, Job.id)
    values = (*(getattr(query, name) for name in names), owner_id)
    if names == ["label"]:
        page = page.where(Job.label.is_not(None))  # the index's own words
    within = (
        tuple_(*columns) > tuple_(*values, ids.after),
        tuple_(*columns) < tuple_(*values, ids.before),
    )
    return page.where(*within).order_by(*ids.along(*columns))


def _by_one_index(query: JobQuery) -> bool:
    """Whether an index has them in order, but for what is looked at in each row."""
    others = (query.batch_id, query.waiting, query.words, query.made_in_web or None)
    return query.statuses in USUAL and all(other is None for other in others)


def _owner(session: Session, query: JobQuery) -> uuid.UUID | None:
    """The owner that is named or given by id; None when there is none, or another may be seen."""
    assert query.owner is not None  # noqa: S101 - asked of such only
    try:
        found: uuid.UUID | None = uuid.UUID(query.owner)
    except ValueError:
        found = session.scalar(select(Owner.id).where(Owner.name == query.owner))
    return found if query.owner_id in (None, found) else None


@dataclass(frozen=True)
class Backlog:
    """The unfinished jobs by status, and how late the one is that is due for longest."""

    jobs: dict[str, int]
    oldest_due_seconds: float


def backlog(session: Session) -> Backlog:
    """What is left to do. Reads unfinished rows only."""
    jobs: dict[str, int] = {}
    due: list[float] = [0.0]
    for query in (_unfinished("queued"), _unfinished(*FORWARD)):
        for status, count, seconds in session.execute(query):
            jobs[status] = count
            due.append(float(seconds))
    return Backlog(jobs, max(due))


def _unfinished(*statuses: str) -> Select[str, int, float]:
    chosen = among(Job.status, *statuses)
    late = func.extract("epoch", func.now() - func.min(Job.next_attempt_at))
    return select(Job.status, func.count(), late).where(chosen).group_by(Job.status)
