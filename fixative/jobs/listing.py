"""Lists of jobs, a page at a time, and what is left to do, in numbers.

A page is read along an index, from its first row on, however long the history: an owner's along
that of the owner, or of what else is asked for; everybody's is made of the owners' own pages.
"""

import uuid
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Select,
    Text,
    bindparam,
    cast,
    func,
    select,
    true,
    tuple_,
)
from sqlalchemy.dialects.postgresql import TSQUERY
from sqlalchemy.orm import Session, aliased, defer

from fixative.jobs.hours import spans_between
from fixative.jobs.job_query import FOREIGN, JobQuery, asked_words, has_words
from fixative.jobs.states import FORWARD
from fixative.postgres.base import among, first_id, written_out
from fixative.postgres.tables import Job, Owner

FIRST, LAST = uuid.UUID(int=0), uuid.UUID(int=2**128 - 1)
USUAL = (None, ("succeeded",))  # statuses that have no index, since nearly all jobs have them
CLOCKS_DIFFER = timedelta(hours=1)  # of who makes ids, and of who says when a row was made
# Another system's records have ids of their own, that begin with no time.
ANY_UNTIMED = select(Job.id).where(among(Job.source, FOREIGN)).limit(1)
ENDS = select(
    select(Job.id).order_by(Job.id).limit(1).scalar_subquery(),
    select(Job.id).order_by(Job.id.desc()).limit(1).scalar_subquery(),
    ANY_UNTIMED.scalar_subquery(),
)


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
    ids = _range(session, query, before, after)
    most = written_out(limit)
    spans = _spans(session, ids) if query.words is not None else None
    if spans is not None:
        job, page = _search(query, owner_id, ids, spans, most)
    elif owner_id is None and (query.attributes or query.ended_badly) and query.words is None:
        of_each = _page(query, Owner.id, ids).limit(most).correlate(Owner).lateral()
        job = aliased(Job, of_each)
        page = select(job).select_from(Owner).join(job, true()).order_by(*ids.along(job.id))
    else:
        job, page = Job, _page(query, owner_id, ids)
    if not whole:
        page = page.options(defer(job.input, raiseload=True))
    found = list(session.scalars(page.limit(most)))
    return found[::-1] if ids.upward else found


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


def _spans(session: Session, ids: Range) -> list[str] | None:
    """The spans of history to be searched, in the order of the page; None where ids have no times.

    That is where a record of another system has brought some.
    """
    oldest, newest, untimed = session.execute(ENDS).one()
    if untimed is not None:
        return None
    if newest is None:
        return []
    first, last = max(oldest, ids.after), min(newest, ids.before)
    spans = spans_between(last, first)
    return spans[::-1] if spans and ids.upward else spans


def _search(
    query: JobQuery, owner_id: uuid.UUID | None, ids: Range, spans: list[str], most: Any
) -> tuple[Any, Select[Any]]:
    """The jobs that have the words: span by span, and no further than the page goes.

    Postgres runs the inner query for one span after the other, and stops when it has enough; it is
    not asked to sort them, for which it would have to run it for all.
    """
    assert query.words is not None  # noqa: S101 - asked of such only
    told = bindparam("spans", [f"'{span}'" for span in spans], type_=ARRAY(Text))
    span = func.unnest(told).table_valued("word").render_derived()
    asked = asked_words(query.words, owner_id).op("&&")(cast(span.c.word, TSQUERY))
    where = (*query.conditions("words"), *ids.conditions, has_words(asked))
    # The offset keeps the plan from going by the order instead, through all that there is.
    found = select(Job).where(*where).correlate(span).offset(written_out(0)).subquery()
    in_order = select(found).order_by(*ids.along(found.c.id)).limit(most)
    job = aliased(Job, in_order.lateral())
    return job, select(job).select_from(span).join(job, true())


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


def _range(
    session: Session, query: JobQuery, before: uuid.UUID | None, after: uuid.UUID | None
) -> Range:
    """The ids that a page may have: those that are made here begin with their time.

    Where a record of another system has brought others, no time follows from an id.
    """
    first, last = after or FIRST, before or LAST
    since, until = query.created_after, query.created_before
    if (since or until) and session.scalar(ANY_UNTIMED) is None:
        first = max(first, first_id(since, -CLOCKS_DIFFER)) if since else first
        last = min(last, first_id(until, CLOCKS_DIFFER)) if until else last
    return Range(first, last, upward=after is not None)


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
