"""How a job stands: as Postgres tells, or, while it is away, as it was last shown."""

import time
import uuid
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import orjson
from flask import Response
from sqlalchemy.orm import Session
from werkzeug.http import generate_etag

from api.answers import dump
from fixative.errors import DatabaseAway, Gone, NotFound
from fixative.jobs.moves import newest_move
from fixative.jobs.states import is_terminal
from fixative.jobs.store import find_job
from fixative.media.last_shown import LastShown
from fixative.media.show import JobViews, Sketch
from fixative.postgres.engine import Database
from fixative.postgres.tables import Job

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

    @cached_property
    def _body(self) -> bytes:
        return dump(self.job if self.age is None else {**self.job, "stale": True})

    def answer(self) -> Response:
        """The same as an answer: with its ETag, or with all that says that it is old."""
        answer = Response(self._body, mimetype="application/json")
        if self.etag is not None:
            answer.set_etag(self.etag)
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

    def show(self, session: Session, job: Job) -> dict[str, Any]:
        """The job in the wire shape, within a transaction that is not over yet."""
        return self._views.show(session, job)

    def bury(self, job: Job) -> None:
        """Show it no more: it was deleted."""
        self._last_shown.bury([(job.id, job.owner_id)])

    def read(self, job_id: uuid.UUID, owner_id: uuid.UUID | None) -> Status:
        """How the job stands, to this owner; None: to whoever sees all.

        Raises NotFound, Gone, or DatabaseAway for one of which nothing was shown lately.
        """
        at = time.time()
        try:
            with self._database.begin() as session:
                number = newest_move(session, job_id)
                job = find_job(session, job_id, owner_id=owner_id)
                sketch = self._views.sketch(session, job)
        except DatabaseAway as error:
            return self._last(job_id, owner_id, error)
        # Before it is answered: nobody who asks afterwards is shown what was before.
        told = dump({"job": sketch.job, "links": sketch.links})
        self._last_shown.keep(job_id, job.owner_id, number=number, at=at, job=told)
        return Status(self._views.finish(sketch))

    def _last(self, job_id: uuid.UUID, owner_id: uuid.UUID | None, error: DatabaseAway) -> Status:
        shown = self._last_shown.find(job_id)
        if shown is None:
            raise error
        if owner_id is not None and shown.owner_id != owner_id:
            raise NotFound(f"no job {job_id}")
        if shown.job is None:
            raise Gone(f"job {job_id} was deleted")
        sketch = Sketch(**orjson.loads(shown.job))
        return Status(self._views.finish(sketch), age=max(0.0, time.time() - shown.at))
