"""Storing: every original of a job in the bucket and in its rows, and only then `succeeded`."""

import threading
import uuid
from dataclasses import dataclass, field
from datetime import timedelta

import structlog
from sqlalchemy import func, update
from sqlalchemy.orm import Session

from fixative.errors import (
    BucketError,
    DatabaseAway,
    LostLease,
    OutputError,
    OutputExpired,
    OutputNotStored,
)
from fixative.jobs.store import current_attempt, error_of, media_of, move
from fixative.jobs.work import work_on
from fixative.media.bucket import Bucket
from fixative.media.fetch import Fetcher
from fixative.media.keys import Keys
from fixative.media.originals import Originals
from fixative.media.put import MediaPut
from fixative.names import RECORD_RESULT, Hint
from fixative.postgres.engine import Database
from fixative.postgres.leases import Lease, LeaseKeeper, Taking, let_go, take, taking
from fixative.postgres.notes import note
from fixative.postgres.tables import Attempt, Job
from fixative.replicate.client import Replicate
from fixative.steps import step
from fixative.telemetry.alarms import alarm
from fixative.telemetry.metrics import STORE_FAILURES, STORE_SECONDS, timed

BACKOFF_SECONDS = 2.0
LONGEST_BACKOFF_SECONDS = 60.0
MOST_TRIES = 60  # about an hour: by then the files are gone at Replicate
LONGEST_SECONDS = 2 * 3600  # of one run; its lease is then renewed no more
LARGE_AT_ONCE = 3  # in a process: its other threads are for small files

DUE = (Job.status == "storing", Job.next_attempt_at <= func.now())
SMALL = taking(*DUE, Job.large.is_(False))
LARGE = taking(*DUE, Job.large.is_(True))

log = structlog.get_logger(__name__)


def _places() -> threading.BoundedSemaphore:
    return threading.BoundedSemaphore(LARGE_AT_ONCE)


@dataclass(frozen=True)
class Storer:
    """What storing needs. One a process: it bounds how many jobs of large files are under way."""

    database: Database
    bucket: Bucket
    fetcher: Fetcher
    replicate: Replicate
    keys: Keys
    leases: LeaseKeeper
    places: threading.BoundedSemaphore = field(default_factory=_places)

    def store(self, job_id: uuid.UUID) -> list[Hint]:
        """Store the outputs of a job that is `storing`; safe twice, and beside another worker.

        Answers the hints that follow. What failed for now stays due in the row, and so does a job
        of large files while every place for such is taken.
        """
        step("store.begin")
        if run := self._take(job_id, SMALL):
            return self._store(run)
        if not self.places.acquire(blocking=False):
            return []
        try:
            run = self._take(job_id, LARGE)
            return self._store(run) if run else []
        finally:
            self.places.release()

    def _take(self, job_id: uuid.UUID, due: Taking) -> Originals | None:
        """The job with its lease, if it is due and nobody else has it."""
        with self.database.begin() as session:
            taken = take(session, job_id, due)
            if taken is None:
                return None
            lease, job = taken
            attempt = current_attempt(session, job)
            saved = {(media.role, media.index): media for media in media_of(session, job)}
        if attempt is None:
            raise LookupError(f"job {job_id} is storing without an attempt")
        put = MediaPut(self.database, self.bucket, self.keys, job, attempt, lease)
        return Originals(self.fetcher, self.replicate, put, saved)

    def _store(self, run: Originals) -> list[Hint]:
        job, lease = run.put.job, run.put.lease
        step("store.taken")
        with (
            work_on("store", job, run.put.attempt),
            self.leases.keep(lease, at_most=LONGEST_SECONDS),
        ):
            try:
                with timed(STORE_SECONDS):
                    return run.store()
            except LostLease:
                log.info("store_lost_its_lease", job_id=str(job.id))
                return []
            except (OutputError, BucketError) as error:
                return self._put_off(job, lease, error)
            except DatabaseAway:
                raise
            except Exception as error:
                log.exception("store_failed_unexpectedly", job_id=str(job.id))
                unforeseen = OutputNotStored(f"{type(error).__name__}: {error}")
                return self._put_off(job, lease, unforeseen)

    def _put_off(self, job: Job, lease: Lease, error: OutputError | BucketError) -> list[Hint]:
        """Leave the row due for later, or fail the job when trying again cannot help."""
        STORE_FAILURES.labels(error.code if isinstance(error, OutputError) else "bucket").inc()
        log.warning("store_failed", job_id=str(job.id), tries=job.tries, error=str(error))
        if not error.retryable or (isinstance(error, OutputError) and job.tries >= MOST_TRIES):
            return self._give_up(job, lease, error)
        wait = min(BACKOFF_SECONDS * 2 ** min(job.tries, 10), LONGEST_BACKOFF_SECONDS)
        later = func.now() + timedelta(seconds=wait)
        with self.database.begin() as session:
            if let_go(session, lease, next_attempt_at=later, waiting_reason="upstream"):
                why = f"{error}; again in {wait:g} s"
                note(session, job.id, "put_off", "store", detail=why)
        return []

    def _give_up(self, job: Job, lease: Lease, error: OutputError | BucketError) -> list[Hint]:
        code = error.code if isinstance(error, OutputError) else "internal"
        with self.database.begin() as session:
            saved = _saved_names(session, job)
            if job.source == "sync" and isinstance(error, OutputExpired) and not saved["saved"]:
                return _gone_before(session, job, lease)
            failure = error_of(code, str(error), details=saved)
            moved = move(session, job.id, "failed", cause="task", lease=lease, error=failure)
        if not moved:
            return []
        alarm("output_lost", job_id=str(job.id), code=code, error=str(error))
        return [Hint(RECORD_RESULT, {"job_id": str(job.id)})]


def _gone_before(session: Session, job: Job, lease: Lease) -> list[Hint]:
    """Nobody asked us for it, and history brought it when nothing was left to store: no failure."""
    if not move(session, job.id, "succeeded", cause="task", lease=lease):
        return []
    attempt = current_attempt(session, job)
    if attempt is not None and attempt.prediction is not None:
        told = {**attempt.prediction, "data_removed": True}
        session.execute(update(Attempt).where(Attempt.id == attempt.id).values(prediction=told))
    return [Hint(RECORD_RESULT, {"job_id": str(job.id)})]


def _saved_names(session: Session, job: Job) -> dict[str, list[str]]:
    return {"saved": [media.name for media in media_of(session, job)]}
