"""The purge: what was deleted, or kept for as long as it was to be, leaves the bucket."""

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

import structlog
from sqlalchemy import Select, delete, func, select, true
from sqlalchemy.orm import Session, aliased

from fixative.errors import BucketError, Conflict, RecordsAway
from fixative.jobs.delete import bury_jobs
from fixative.media.bucket import Bucket
from fixative.media.files import Files
from fixative.media.keys import Keys
from fixative.media.last_shown import LastShown
from fixative.media.reader import HashingReader
from fixative.media.retention import days_of_owner
from fixative.postgres.engine import Database
from fixative.postgres.leases import LeaseKeeper, free, harmless, let_go, take, taking
from fixative.postgres.media_tables import File, Media
from fixative.postgres.tables import Attempt, Job, Owner

MOST = 500  # at once, and of one owner's
MOST_OF_ALL = 5_000  # jobs of all owners, at once
UPLOAD_LASTS = timedelta(hours=24)  # so long an upload that was announced may be on its way
RETRY_AFTER = timedelta(minutes=1)
LONGEST_SECONDS = 600

DUE = taking(Job.purge_due_at <= func.now())

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
    files: Files
    records: WrittenElsewhere
    last_shown: LastShown
    retention_days: int | None

    def purge(self) -> int:
        """Delete what has had its time, and remove what is deleted; how many jobs were removed.

        Any number may run at once. What bucket or records do not remove stays due.
        """
        with self.database.begin() as session:
            expired_jobs = session.scalars(self._expired_jobs()).all()
            buried = bury_jobs(session, Job.id.in_(expired_jobs)) if expired_jobs else []
        self.last_shown.bury(buried)
        with self.database.begin() as session:
            due = list(session.scalars(_purge_due()))
            forgotten = list(session.scalars(_unseen()))
            expired = list(session.scalars(self._expired_files()))
        clean = self._clean_archives(due)
        purged = sum(self._remove(job_id, in_no_archive=job_id in clean) for job_id in due)
        self._drop([file for file in forgotten if not self._has_come(file)] + expired)
        return purged

    def _expired_jobs(self) -> Select[uuid.UUID]:
        """Jobs whose retention is over: of each owner the oldest, by the index that knows them."""
        end = func.now() - func.make_interval(0, 0, 0, days_of_owner(self.retention_days))
        kept = (Job.owner_id == Owner.id, Job.deleted_at.is_(None), Job.completed_at < end)
        oldest = select(Job.id).where(*kept).order_by(Job.completed_at).limit(MOST)
        of_owner = oldest.correlate(Owner).lateral()
        return select(of_owner.c.id).select_from(Owner).join(of_owner, true()).limit(MOST_OF_ALL)

    def _expired_files(self) -> Select[Any]:
        """Input files that were sent, or came, so long ago: the same way."""
        end = func.now() - func.make_interval(0, 0, 0, days_of_owner(self.retention_days))
        kept = (File.owner_id == Owner.id, File.job_id.is_(None), File.stored_at.is_not(None))
        oldest = select(File).where(*kept, File.used_at < end).order_by(File.used_at)
        file = aliased(File, oldest.limit(MOST).correlate(Owner).lateral())
        return select(file).select_from(Owner).join(file, true())

    def _clean_archives(self, due: list[uuid.UUID]) -> set[uuid.UUID]:
        try:
            return self.records.clean_archives(due) if due else set()
        except RecordsAway as error:
            log.warning("archives_not_cleaned", error=str(error))
            return set()

    def _remove(self, job_id: uuid.UUID, *, in_no_archive: bool) -> bool:
        """Remove a deleted job's objects, then their rows; whether it was ours to do and done."""
        with self.database.begin() as session:
            taken = take(session, job_id, DUE)
            if taken is None:
                return False
            lease, job = taken
            tombstone = _tombstone(session, job)
            inputs = list(session.scalars(select(File.key).where(File.job_id == job_id)))
            keys = session.scalars(select(Media.key).where(Media.job_id == job_id))
            # What was stored under another prefix lies there still.
            folders = {self.keys.folder_of(key, job) for key in keys} | {self.keys.key(job, "")}
        with self.leases.keep(lease, at_most=LONGEST_SECONDS):
            try:
                self.bucket.put(
                    self.keys.deleted(job), HashingReader(iter([tombstone])), "application/json"
                )
                for folder in folders:
                    self.bucket.delete_folder(folder)
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

    def _has_come(self, file: File) -> bool:
        """Whether an upload is there that nobody has looked at yet; if so, it is noted."""
        try:
            self.files.seen(file)
        except (BucketError, Conflict) as error:
            return isinstance(error, BucketError)  # then nobody knows
        return True

    def _drop(self, files: list[File]) -> None:
        for file in files:
            try:
                self.files.delete(file)
            except BucketError as error:
                log.warning("file_not_dropped", file_id=str(file.id), error=str(error))


def _purge_due() -> Select[Any]:
    return (
        select(Job.id)
        .where(Job.purge_due_at <= func.now(), free(), harmless())
        .order_by(Job.purge_due_at)
        .limit(MOST)
    )


def _unseen() -> Select[Any]:
    """Uploads that should have come long ago."""
    return (
        select(File)
        .where(File.stored_at.is_(None), File.created_at < func.now() - UPLOAD_LASTS)
        .order_by(File.created_at)
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
