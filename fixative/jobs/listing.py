"""Lists of jobs, a page at a time, and what is left to do, in numbers."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    bindparam,
    cast,
    exists,
    false,
    func,
    literal_column,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import TSQUERY
from sqlalchemy.orm import Session, defer

from fixative.jobs.states import FORWARD
from fixative.postgres.base import among
from fixative.postgres.tables import Attempt, Job, Owner

ANY = "any"  # reason for waiting
HISTORY = "sync"  # the source of jobs that history made, of predictions nobody had asked for
UNFINISHED = ("queued", *FORWARD)
ENDED_BADLY = ("failed", "canceled")
INDEXED = (("queued",), FORWARD, ENDED_BADLY, ("succeeded",))  # the last has none of its own


@dataclass(frozen=True)
class JobQuery:
    """Which jobs are meant; None leaves a thing open.

    `owner` is a name or an id; with an `owner_id`, jobs of both are none.
    """

    owner_id: uuid.UUID | None = None
    owner: str | None = None
    statuses: tuple[str, ...] | None = None
    model: str | None = None
    job_type: str | None = None
    label: str | None = None
    batch_id: uuid.UUID | None = None
    waiting: str | None = None  # the reason; or ANY
    created_after: datetime | None = None
    created_before: datetime | None = None
    words: str | None = None  # of the prompt: each must occur
    made_in_web: bool = False  # by Replicate's own pages; of those, history brings the last days

    def only(self, *statuses: str) -> "JobQuery":
        """The same, of jobs that have one of these statuses."""
        asked = statuses if self.statuses is None else self.statuses
        return replace(self, statuses=tuple(status for status in statuses if status in asked))

    def conditions(self) -> Iterator[ColumnElement[bool]]:
        """The same in SQL; what is deleted is never meant."""
        yield Job.deleted_at.is_(None)
        for name in ("owner_id", "model", "job_type", "label", "batch_id"):
            if (value := getattr(self, name)) is not None:
                yield getattr(Job, name) == value
        if self.owner is not None:
            yield Job.owner_id == _id_of_owner(self.owner)
        if self.statuses is not None:
            yield _is_in(self.statuses)
        if self.waiting is not None:
            yield _is_in(UNFINISHED)
            any_ = Job.waiting_reason.is_not(None)
            yield any_ if self.waiting == ANY else Job.waiting_reason == self.waiting
        if self.created_after is not None:
            yield Job.created_at >= self.created_after
        if self.created_before is not None:
            yield Job.created_at < self.created_before
        if self.words is not None:
            yield from _has_words(self.words, self.owner_id)
        if self.made_in_web:
            made = Attempt.prediction["source"].as_string() == "web"
            yield Job.source == HISTORY
            yield exists().where(Attempt.id == Job.attempt_id, made)


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
    page = select(Job).where(*query.conditions())
    if not whole:
        page = page.options(defer(Job.input, raiseload=True))
    if before is not None:
        page = page.where(Job.id < before)
    if after is None:
        return list(session.scalars(page.order_by(Job.id.desc()).limit(limit)))
    found = session.scalars(page.where(Job.id > after).order_by(Job.id).limit(limit))
    return list(found)[::-1]


def _is_in(statuses: tuple[str, ...]) -> ColumnElement[bool]:
    """The condition that a job has one of these, in the words of the partial indexes."""
    parts = ([status for status in part if status in statuses] for part in INDEXED)
    return or_(false(), *(among(Job.status, *part) for part in parts if part))


def _id_of_owner(owner: str) -> Any:
    try:
        return uuid.UUID(owner)
    except ValueError:
        return select(Owner.id).where(Owner.name == owner).scalar_subquery()


def _has_words(text: str, owner_id: uuid.UUID | None) -> Iterator[ColumnElement[bool]]:
    """The condition that every word of the text is in the prompt; of no words, that nothing is.

    The text is written out in the SQL, so that the plan goes by how common its words are: rare
    ones are looked up, and of common ones the newest jobs are read until the page is full.
    """
    words = func.job_words(Job.owner_id, Job.input)
    yield words.op("@@")(func.plainto_tsquery(literal_column("'simple'"), _written_out(text)))
    if owner_id is not None:
        yield words.op("@@")(cast(_written_out(f"'{owner_id}'"), TSQUERY))


def _written_out(value: str) -> Any:
    return bindparam(None, value, literal_execute=True)


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
