"""How a job stands: as it was last shown, if Postgres says that it is still so, or is away."""

import json
import time
import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from flask import Response, has_request_context
from sqlalchemy.orm import Session
from werkzeug.http import generate_etag

from api.answers import dump
from api.recent import Recent
from fixative.errors import DatabaseAway, NotFound
from fixative.jobs.glance import Glance, glance_at
from fixative.jobs.short_ids import job_of_prediction, read_id
from fixative.jobs.states import is_terminal
from fixative.jobs.store import check_shown, find_job
from fixative.media.last_shown import LARGEST, LastShown, Shown
from fixative.media.show import JobViews, Sketch
from fixative.postgres.engine import Database
from fixative.postgres.tables import Job

# Whoever follows a job asks every second or so. It is not for longer, since what is shown here does
# not keep alive what Redis has of it.
MOST_AGAIN, AGAIN_SECONDS = 256, 10.0
STALE = '110 - "Response is Stale"'  # as RFC 7234 words it


@dataclass(frozen=True)
class Status:
    """A job in the wire shape; `age` in seconds where nobody knows whether it is still so."""

    job: dict[str, Any]
    age: float | None = None

    @property
    def ended(self) -> bool:
        """Whether the job had ended."""
        return is_terminal(self.job["status"])

    @cached_property
    def etag(self) -> str | None:
        """The same for the same job; None where nobody knows how it stands."""
        return generate_etag(self._body) if self.age is None else None

    @property
    def size(self) -> int:
        """Of the answer, in bytes."""
        return len(self._body)

    @cached_property
    def _body(self) -> bytes:
        return dump(self.job if self.age is None else {**self.job, "stale": True})

    def answer(self) -> Response:
        """The same as an answer: with its ETag, or with all that says that it is old."""
        answer = Response(self._body, mimetype="application/json")
        if self.etag is not None:
            answer.set_etag(self.etag)
        return self.marked(answer)

    def marked(self, answer: Response) -> Response:
        """An answer that shows it, with what says that it is old if it is."""
        if self.age is not None:
            answer.headers["Fixative-Stale"] = "true"
            answer.headers["Warning"] = STALE
            answer.headers["Age"] = str(int(self.age))
        return answer


class Statuses:
    """Reads how jobs stand, and keeps what it shows."""

    def __init__(self, database: Database, views: JobViews, last_shown: LastShown) -> None:
        self._database = database
        self._views = views
        self._last_shown = last_shown
        self._recent = Recent[Status](most=MOST_AGAIN, seconds=AGAIN_SECONDS)

    def show(self, session: Session, job: Job) -> dict[str, Any]:
        """The job in the wire shape, within a transaction that is not over yet."""
        return self._views.show(session, job)

    def show_new(self, job: Job) -> dict[str, Any]:
        """The same of one that was just accepted: there is nothing yet but its row."""
        return self._views.show_new(job)

    def as_prediction(self, status: Status) -> dict[str, Any]:
        """The job as Replicate shows a prediction."""
        return self._views.as_prediction(status.job)

    def show_predictions(self, session: Session, jobs: Sequence[Job]) -> list[dict[str, Any]]:
        """Jobs as predictions, within a transaction that is not over yet."""
        return self._views.show_predictions(session, jobs)

    def bury(self, job: Job) -> None:
        """Show it no more: it was deleted."""
        self._last_shown.bury([(job.id, job.owner_id)])

    def read(self, job_id: uuid.UUID, owner_id: uuid.UUID | None) -> Status:
        """How the job stands, to this owner; None: to whoever sees all.

        Raises NotFound, Gone, or DatabaseAway for one of which nothing was shown lately.
        """
        try:
            seen = glance_at(self._database, job_id, owner_id=owner_id)
            return self._as_seen(seen, owner_id)
        except DatabaseAway as error:
            return self._as_last_shown(job_id, owner_id, error)

    def read_prediction(self, text: str, owner_id: uuid.UUID | None) -> Status:
        """How the job stands that has this id, in either form, or whose prediction has it.

        Raises as `read` does.
        """
        job_id = read_id(text)
        if job_id is not None:
            with suppress(NotFound):
                return self.read(job_id, owner_id)
        with self._database.begin() as session:
            job_id = job_of_prediction(session, text)
        if job_id is None:
            raise NotFound(f"no prediction {text}")
        return self.read(job_id, owner_id)

    def _as_seen(self, seen: Glance, owner_id: uuid.UUID | None) -> Status:
        if not has_request_context():  # a stream, that goes on after its request was answered
            return self._read(seen, owner_id)
        which = (seen.job_id, seen.digest, self._views.base_url())
        status = self._recent.find(which)
        if status is None:
            status = self._read(seen, owner_id)
            if status.size <= LARGEST:
                self._recent.keep(which, status)
        return status

    def _read(self, seen: Glance, owner_id: uuid.UUID | None) -> Status:
        at = time.time()
        shown = self._last_shown.find(seen.job_id)
        if shown is not None and shown.digest == seen.digest:
            return Status(self._again(shown))
        with self._database.begin() as session:
            job = find_job(session, seen.job_id, owner_id=owner_id)
            sketch = self._views.sketch(session, job)
        # Before it is answered: who asks afterwards is not shown what was before. It may be newer
        # than what was seen, never older.
        self._last_shown.keep(seen, dump({"job": sketch.job, "links": sketch.links}), at=at)
        return Status(self._views.finish(sketch))

    def _as_last_shown(
        self, job_id: uuid.UUID, owner_id: uuid.UUID | None, error: DatabaseAway
    ) -> Status:
        shown = self._last_shown.find(job_id)
        if shown is None:
            raise error
        check_shown(job_id, shown.owner_id, deleted=shown.job is None, to=owner_id)
        return Status(self._again(shown), age=max(0.0, time.time() - shown.at))

    def _again(self, shown: Shown) -> dict[str, Any]:
        return self._views.finish(Sketch(**json.loads(shown.job or b"")))
