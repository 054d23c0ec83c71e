"""Which jobs are meant, and the same in SQL, in the words of the indexes that know them."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    case,
    cast,
    exists,
    false,
    func,
    literal_column,
    or_,
)
from sqlalchemy.dialects.postgresql import TSQUERY

from fixative.jobs.states import FORWARD
from fixative.postgres.base import among, written_out
from fixative.postgres.tables import Attempt, Job

ANY = "any"  # reason for waiting
HISTORY = "sync"  # the source of jobs that history made, of predictions nobody had asked for
FOREIGN = "replay"  # the source of jobs of which only another system's record is known
UNFINISHED = ("queued", *FORWARD)
ENDED_BADLY = ("failed", "canceled")
ATTRIBUTES = ("label", "model", "job_type")
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

    @property
    def attributes(self) -> list[str]:
        """What of a job's own is asked for that an index has beside its owner; rarest first."""
        return [name for name in ATTRIBUTES if getattr(self, name) is not None]

    @property
    def ended_badly(self) -> bool:
        """Whether only jobs are meant that have failed, or were canceled."""
        return self.statuses is not None and set(self.statuses) <= set(ENDED_BADLY)

    def conditions(self, *but: str) -> Iterator[ColumnElement[bool]]:
        """The same in SQL, but for whose they are and these; what is deleted is never meant."""
        yield Job.deleted_at.is_(None)
        for name in (*ATTRIBUTES, "batch_id"):
            if (value := getattr(self, name)) is not None and name not in but:
                yield getattr(Job, name) == value
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
        if self.words is not None and "words" not in but:
            # Written out, so that the plan goes by how common they are.
            yield has_words(asked_words(written_out(self.words), self.owner_id))
        if self.made_in_web:
            made = Attempt.prediction["source"].as_string() == "web"
            yield among(Job.source, HISTORY)
            yield exists().where(Attempt.id == Job.attempt_id, made)


def _is_in(statuses: tuple[str, ...]) -> ColumnElement[bool]:
    """The condition that a job has one of these, in the words of the partial indexes."""
    parts = ([status for status in part if status in statuses] for part in INDEXED)
    return or_(false(), *(among(Job.status, *part) for part in parts if part))


def asked_words(text: Any, owner_id: uuid.UUID | None) -> ColumnElement[Any]:
    """The search for every word of the text, in what this owner wrote; None: in everybody's.

    Of no words, that nothing is: it finds nothing.
    """
    asked = func.plainto_tsquery(literal_column("'simple'"), text)
    found = case((func.numnode(asked) > written_out(0), asked))
    return found if owner_id is None else found.op("&&")(cast(f"'{owner_id}'", TSQUERY))


def has_words(asked: ColumnElement[Any]) -> ColumnElement[bool]:
    """The condition that a job has these among its words, as its index knows them."""
    return func.job_words(Job.id, Job.owner_id, Job.input).op("@@")(asked)
