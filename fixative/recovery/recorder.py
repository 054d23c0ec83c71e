"""The recorder: what is written of every job outside the database and the bucket of its media."""

import json
import threading
import uuid
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from fixative.errors import NotFound
from fixative.jobs.accept import ACCEPTED_HERE
from fixative.jobs.store import JOB, get_job
from fixative.media.manifest import as_json
from fixative.postgres.engine import Database
from fixative.postgres.tables import TERMINAL_STATUSES, Attempt, Job, Transition
from fixative.recovery.record_archive import Archives
from fixative.recovery.record_store import RecordStore
from fixative.recovery.records import (
    LATEST,
    accepted_name,
    accepted_record,
    day_of,
    folder_of,
    predictions_in,
    processed_name,
    read_day,
    record_of,
    stem_of,
)

MOST = 500  # acceptances at once
LONGEST_TRANSACTION = timedelta(minutes=1)
UNRECORDED = (
    select(Job.id)
    .where(Job.acceptance_recorded_at.is_(None), Job.deleted_at.is_(None))
    .order_by(Job.id)
    .limit(MOST)
)


class RecordKeeper:
    """Writes and removes records. Every method may raise RecordsAway: what was due stays so."""

    def __init__(self, database: Database, store: RecordStore, archives: Archives) -> None:
        self._database = database
        self._store = store
        self._archives = archives
        self._newest: date | None = None
        self._lock = threading.Lock()

    def record_accepted(self) -> int:
        """Write down the oldest acceptances that are not yet, 500 at most; how many those were.

        Takes no lease, so that nothing waits for it; beside another it writes the same again.
        """
        with self._database.begin() as session:
            job_ids = session.scalars(UNRECORDED).all()
        written = dict[uuid.UUID, str]()
        try:
            for job_id in job_ids:  # one at a time: each may have an input of many megabytes
                [job] = self._database.alone(JOB, its_id=job_id)
                name = accepted_name(job)
                if job.source in ACCEPTED_HERE:
                    self._write(day_of(job.created_at), {name: accepted_record(job)})
                written[job.id] = name
        finally:
            self._note(written)
        return len(job_ids)

    def _note(self, written: Mapping[uuid.UUID, str]) -> None:
        recorded = (
            update(Job)
            .where(Job.id.in_(written), Job.deleted_at.is_(None))
            .values(acceptance_recorded_at=func.now())
            .returning(Job.id)
        )
        with self._database.begin() as session:
            kept = set(session.scalars(recorded))
        self._store.delete([name for id_, name in written.items() if id_ not in kept])

    def record_ended(self, manifest: Mapping[str, Any]) -> None:
        """Write down an ended job, whose lease is ours, from its manifest."""
        job = manifest["job"]
        ended_at = job["completed_at"]
        records = {processed_name(job["id"], ended_at): record_of(manifest)}
        self._write(day_of(ended_at), records | predictions_in(manifest, ended_at))

    def clean_archives(self, job_ids: Sequence[uuid.UUID]) -> set[uuid.UUID]:
        """Take deleted jobs out of the archives; those of these that now are in none."""
        with self._database.begin() as session:
            jobs = session.scalars(select(Job).where(Job.id.in_(job_ids))).all()
            instants = {job.id: (job.created_at, *_ends(session, job)) for job in jobs}
        days = {job_id: set(map(day_of, its)) for job_id, its in instants.items()}
        clean = self._archives.clean(set().union(*days.values()))
        return {job_id for job_id, its in days.items() if its <= clean}

    def forget(self, job_id: uuid.UUID) -> None:
        """Remove the records of a deleted job, whose lease is ours, but for archived ones."""
        with self._database.begin() as session:
            job = get_job(session, job_id)
            told = session.scalars(select(Attempt.prediction_id).where(Attempt.job_id == job_id))
            prediction_ids, ends = set(told), _ends(session, job)
        names = [accepted_name(job)]
        for ended_at in ends:
            processed = processed_name(job_id, ended_at)
            with suppress(NotFound):  # it is written before them
                names += self._predictions_of(processed, ended_at, prediction_ids)
            names.append(processed)
        self._store.delete(names)

    def _predictions_of(
        self, processed: str, ended_at: datetime, ids: set[str | None]
    ) -> Iterable[str]:
        """The names of a job's predictions, by the record of its end. Raises NotFound."""
        content = b"".join(self._store.chunks(processed))
        try:
            return predictions_in(json.loads(content)["fixative"], ended_at)
        except (KeyError, TypeError, ValueError):
            folder = f"{folder_of(day_of(ended_at))}/predictions"
            return [name for name in self._store.names(folder) if stem_of(name) in ids]

    def _write(self, day: date, records: Mapping[str, Any]) -> None:
        for name, record in records.items():
            self._store.write(name, [as_json(record)])
        self._point_to(day)

    def _point_to(self, day: date) -> None:
        """Have `latest` lead to the newest day that has a record."""
        with self._lock:
            if self._newest is None:
                self._newest = read_day(self._store.pointed(LATEST) or "") or date.min
            if day > self._newest:
                self._store.point(LATEST, folder_of(day))
                self._newest = day


def _ends(session: Session, job: Job) -> list[datetime]:
    """An instant of each day on which the job ended: it may have been retried afterwards.

    A move is written down a little later than the end that it is.
    """
    moves = select(Transition.at).where(
        Transition.job_id == job.id, Transition.to_status.in_(TERMINAL_STATUSES)
    )
    moved = list(session.scalars(moves))
    ended = [*moved, *(at - LONGEST_TRANSACTION for at in moved), job.completed_at]
    return list({day_of(at): at for at in ended if at is not None}.values())
