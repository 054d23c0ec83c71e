"""The purge: what was deleted, or kept for as long as it was to be, leaves the bucket."""

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

import structlog
from sqlalchemy import Select, and_, delete, func, or_, select
from sqlalchemy.orm import Session

from fixative.errors import BucketError, RecordsAway
from fixative.jobs.delete import bury_jobs
from fixative.jobs.store import get_job
from fixative.media.bucket import Bucket
from fixative.media.keys import Keys
from fixative.media.reader import HashingReader
from fixative.media.retention import days_of_owner
from fixative.postgres.engine import Database
from fixative.postgres.leases import LeaseKeeper, free, harmless, let_go, take
from fixative.postgres.media_tables import File, Media
from fixative.postgres.tables import Attempt, Job, Owner

MOST = 500  # jobs at once
UPLOAD_LASTS = timedelta(hours=24)  # so long an upload that was announced may be on its way
RETRY_AFTER = timedelta(minutes=1)
LONGEST_SECONDS = 600

log = structlog.get_logger(__name__)


class WrittenElsewhere(Protocol):
    """What was written of jobs outside database and bucket. Either may raise RecordsAway."""

    def clean_archives(self, job_ids: Sequence[uuid.UUID], /) -> set[uuid.UUID]:
        """Take deleted jobs out of what holds many at once; those of these that are in none now."""

    def forget(self, job_id: uuid.UUID, /) -> None:
        """Remove all else that was written of a deleted job."""


@dataclass(frozen=True)
class Purger:
    """What purging needs; `retention_days` None keeps everything, but where an owner says else."""

    database: Database
    bucket: Bucket
    keys: Keys
    leases: LeaseKeeper
    records: WrittenElsewhere
    retention_days: int | None

    def purge(self) -> int:
        """Delete what has had its time, and remove what is deleted; how many jobs were removed.

        Any number may run at once. What bucket or records do not remove stays due.
        """
        with self.database.begin() as session:
            bury_jobs(session, Job.id.in_(self._expired()))
            due = list(session.scalars(_purge_due()))
        clean = self._clean_archives(due)
        purged = sum(self._remove(job_id, in_no_archive=job_id in clean) for job_id in due)
        self._drop_files()
        return purged

    def _expired(self) -> Any:
        """Jobs whose retention is over, the oldest first, at most so many."""
        days = days_of_owner(self.retention_days)
        end = Job.completed_at + func.make_interval(0, 0, 0, days)
        shortest = select(func.min(days))
        oldest_kept = func.now() - func.make_interval(0, 0, 0, shortest.scalar_subquery())
        return (
            select(Job.id)
            .join(Owner, Owner.id == Job.owner_id)
            # The second says nothing that the first does not, but an index can serve it.
            .where(Job.deleted_at.is_(None), end < func.now(), Job.completed_at < oldest_kept)
            .order_by(Job.completed_at)
            .limit(MOST)
            .scalar_subquery()
        )

    def _clean_archives(self, due: list[uuid.UUID]) -> set[uuid.UUID]:
        try:
            return self.records.clean_archives(due) if due else set()
        except RecordsAway as error:
            log.warning("archives_not_cleaned", error=str(error))
            return set()

    def _remove(self, job_id: uuid.UUID, *, in_no_archive: bool) -> bool:
        """Remove a deleted job's objects, then their rows; whether it was ours to do and done."""
        with self.database.begin() as session:
            lease = take(session, job_id, Job.purge_due_at <= func.now())
            if lease is None:
                return False
            job = get_job(session, job_id)
            tombstone = _tombstone(session, job)
            inputs = list(session.scalars(select(File.key).where(File.job_id == job_id)))
        with self.leases.keep(lease, at_most=LONGEST_SECONDS):
            try:
                self.bucket.put(
                    self.keys.deleted(job), HashingReader(iter([tombstone])), "application/json"
                )
                self.bucket.delete_folder(self.keys.key(job, ""))
                self.bucket.delete(inputs)
                self._forget(job_id, in_no_archive=in_no_archive)
            except (BucketError, RecordsAway) as error:
                log.warning("purge_put_off", job_id=str(job_id), error=str(error))
                with self.database.begin() as session:
                    let_go(session, lease, purge_due_at=func.now() + RETRY_AFTER)
                return False
            with self.database.begin() as session:
                # A worker that derived until now has left word of it.
                nothing_due = dict.fromkeys(("purge_due_at", "derive_due_at", "record_due_at"))
                if not let_go(session, lease, **nothing_due):
                    return False
                session.execute(delete(Media).where(Media.job_id == job_id))
                session.execute(delete(File).where(File.job_id == job_id))
        return True

    def _forget(self, job_id: uuid.UUID, *, in_no_archive: bool) -> None:
        self.records.forget(job_id)
        if not in_no_archive:
            raise RecordsAway("an archive may hold it still")

    def _drop_files(self) -> None:
        """Remove uploads that never came, and input files whose retention is over."""
        days = days_of_owner(self.retention_days)
        kept = File.created_at + func.make_interval(0, 0, 0, days)
        never_came = and_(File.stored_at.is_(None), File.created_at < func.now() - UPLOAD_LASTS)
        over = (
            select(File.id, File.key)
            .join(Owner, Owner.id == File.owner_id)
            .where(File.job_id.is_(None), or_(never_came, kept < func.now()))
            .order_by(File.created_at)
            .limit(MOST)
        )
        with self.database.begin() as session:
            found = {row.id: row.key for row in session.execute(over)}
        try:
            self.bucket.delete(list(found.values()))
        except BucketError as error:
            log.warning("files_not_dropped", error=str(error))
            return
        with self.database.begin() as session:
            session.execute(delete(File).where(File.id.in_(found)))


def _purge_due() -> Select[Any]:
    return (
        select(Job.id)
        .where(Job.purge_due_at <= func.now(), free(), harmless())
        .order_by(Job.purge_due_at)
        .limit(MOST)
    )


def _tombstone(session: Session, job: Job) -> bytes:
    """What a rebuild has to know of a deleted job: that it, and its predictions, are to stay so."""
    ids = session.scalars(select(Attempt.prediction_id).where(Attempt.job_id == job.id))
    told = {
        "job_id": str(job.id),
        "owner_id": str(job.owner_id),
        "deleted_at": job.deleted_at.isoformat() if job.deleted_at else None,
        "prediction_ids": [id_ for id_ in ids if id_],
    }
    return json.dumps(told).encode()
