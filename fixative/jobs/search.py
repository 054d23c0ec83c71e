"""Searches for words of prompts, the newest jobs first, along the index of words.

A search goes from span to span of history until its page is full. What the last days do not have
may be nowhere, and for each span Postgres would walk the words' own lists to their ends. So where
few are expected, all are read at once.
"""

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ARRAY, Select, Text, Uuid, bindparam, cast, func, select, true
from sqlalchemy.dialects.postgresql import TSQUERY
from sqlalchemy.orm import Session, aliased

from fixative.jobs.hours import spans_between
from fixative.jobs.id_range import ANY_UNTIMED, Range
from fixative.jobs.job_query import JobQuery, asked_words, has_words
from fixative.postgres.base import Explain, written_out
from fixative.postgres.tables import Job

LATELY = 20  # spans: some days
FEW = 500  # jobs: to read so many takes Postgres some milliseconds
MANY = 5_000  # jobs: where so many are expected, there is no use in looking whether they are few
ENDS = select(
    select(Job.id).order_by(Job.id).limit(1).scalar_subquery(),
    select(Job.id).order_by(Job.id.desc()).limit(1).scalar_subquery(),
    ANY_UNTIMED.scalar_subquery(),
)
Page = tuple[Any, Select[Any]]  # jobs in order: what they are selected as, and the statement


def search(session: Session, query: JobQuery, ids: Range, limit: int) -> Page | None:
    """The jobs that have the words.

    None where ids have no times, so that history has no spans: a record of another system has
    brought some.
    """
    assert query.words is not None  # noqa: S101 - asked of such only
    spans = _spans(session, ids)
    if spans is None:
        return None
    if len(spans) <= LATELY:
        return _by_spans(query, ids, spans, limit)
    job, lately = _by_spans(query, ids, spans[:LATELY], limit)
    found = session.scalars(lately.with_only_columns(job.id).limit(written_out(limit))).all()
    few = found if len(found) == limit else None
    if not found:
        few = _few(session, query.words, query.owner_id)
    if few is None:
        return _by_spans(query, ids, spans, limit)
    chosen = Job.id == func.any(bindparam("few", list(few), type_=ARRAY(Uuid)))
    where = (*query.conditions("words"), *ids.conditions, chosen)
    return Job, select(Job).where(*where).order_by(*ids.along(Job.id))


def _spans(session: Session, ids: Range) -> list[str] | None:
    """The spans of history to be searched, in the order of the page."""
    oldest, newest, untimed = session.execute(ENDS).one()
    if untimed is not None:
        return None
    if newest is None:
        return []
    first, last = max(oldest, ids.after), min(newest, ids.before)
    spans = spans_between(last, first)
    return spans[::-1] if spans and ids.upward else spans


def _few(session: Session, words: str, owner_id: uuid.UUID | None) -> Sequence[uuid.UUID] | None:
    """All jobs that have the words, where they are few; None where they may be more.

    Postgres's statistics of words say whether to look: the index makes its whole list before the
    first row is read. One word of everybody's is one list, that is walked once by spans, too.
    """
    if owner_id is None and len(words.split()) == 1:
        return None
    asked = has_words(asked_words(written_out(words), owner_id))
    having = select(Job.id).where(asked)
    (planned,) = session.scalars(Explain(having)).one()
    if planned["Plan"]["Plan Rows"] > MANY:
        return None
    found = session.scalars(having.limit(written_out(FEW + 1))).all()
    return found if len(found) <= FEW else None


def _by_spans(query: JobQuery, ids: Range, spans: list[str], limit: int) -> Page:
    """Span by span, and no further than the page goes.

    Postgres runs the inner query for one span after the other, and stops when it has enough; it is
    not asked to sort them, for which it would have to run it for all.
    """
    told = bindparam("spans", [f"'{span}'" for span in spans], type_=ARRAY(Text))
    span = func.unnest(told).table_valued("word").render_derived()
    # The span is a condition of its own, and the first: within one, the index would walk the
    # shortest list from its beginning to its end for each span.
    in_span = has_words(cast(span.c.word, TSQUERY))
    asked = has_words(asked_words(query.words, query.owner_id))
    where = (*query.conditions("words"), *ids.conditions, in_span, asked)
    # The offset keeps the plan from going by the order instead, through all that there is.
    found = select(Job).where(*where).correlate(span).offset(written_out(0)).subquery()
    in_order = select(found).order_by(*ids.along(found.c.id)).limit(written_out(limit))
    job = aliased(Job, in_order.lateral())
    return job, select(job).select_from(span).join(job, true())
