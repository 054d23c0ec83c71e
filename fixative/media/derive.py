"""Derived media: measures, thumbnails, previews. They follow; they never hold a job back."""

import time
import uuid
from dataclasses import dataclass
from datetime import timedelta

import structlog
from sqlalchemy import func

from fixative.errors import BucketError, LostLease, NoDecoder
from fixative.jobs.store import current_attempt, get_job, media_of, with_warning
from fixative.jobs.work import work_on
from fixative.media.bucket import Bucket
from fixative.media.decoding.process import Decoder
from fixative.media.derive_one import DeriveOne
from fixative.media.keys import Keys
from fixative.media.put import MediaPut
from fixative.media.workspace import remove_abandoned
from fixative.names import DERIVE_MEDIA, RECORD_RESULT, Hint
from fixative.postgres.engine import Database
from fixative.postgres.leases import Lease, LeaseKeeper, let_go, still_mine, take, taking
from fixative.postgres.media_tables import Media
from fixative.postgres.notes import note
from fixative.postgres.tables import Job
from fixative.telemetry.metrics import DERIVE_SECONDS, timed

# Images that Pillow decodes; of video and audio ffmpeg knows all that we recognise.
IMAGES = ("png", "jpeg", "webp", "gif", "avif", "tiff", "bmp", "x-icon", "jp2")
DERIVABLE = frozenset(f"image/{name}" for name in IMAGES)
MOST_FILES = 50  # of one job
RUN_SECONDS = 90  # then no file is begun: the last one still ends within the task's time
LONGEST_SECONDS = 270  # then the lease is renewed no more
RETRY_AFTER = timedelta(seconds=15)

DUE = taking(Job.derive_due_at <= func.now(), Job.deleted_at.is_(None))

log = structlog.get_logger(__name__)


def derivable(role: str, kind: str, content_type: str) -> bool:
    """Whether something can be derived from it: an original that a decoder of ours reads."""
    return role == "original" and (kind in {"video", "audio"} or content_type in DERIVABLE)


def is_derivable(media: Media) -> bool:
    """The same of what is stored."""
    return derivable(media.role, media.kind, media.content_type)


@dataclass(frozen=True)
class Deriver:
    """What deriving needs. After `run_seconds` the rest is left to another run."""

    database: Database
    bucket: Bucket
    keys: Keys
    leases: LeaseKeeper
    decoder: Decoder
    run_seconds: float = RUN_SECONDS

    def derive(self, job_id: uuid.UUID) -> list[Hint]:
        """Derive what the job's originals allow; safe twice, and what is done stays done.

        Answers the hints that follow. No file's failure is the job's: its row says why.
        """
        with self.database.begin() as session:
            taken = take(session, job_id, DUE)
            if taken is None:
                return []
            lease, job = taken
            attempt = current_attempt(session, job)
            media = media_of(session, job)
        if attempt is None:
            raise LookupError(f"job {job_id} has media without an attempt")
        remove_abandoned()
        keep = self.leases.keep(lease, at_most=LONGEST_SECONDS)
        with work_on("derive", job, attempt), keep, timed(DERIVE_SECONDS):
            put = MediaPut(self.database, self.bucket, self.keys, job, attempt, lease)
            try:
                finished = self._derive_all(put, media)
                if finished:
                    self._finish(lease)
                else:
                    self._put_off(lease, timedelta())
            except LostLease:
                log.info("derive_lost_its_lease", job_id=str(job_id))
                self._leave(lease)
                return []
            except (BucketError, NoDecoder, OSError) as error:  # OSError: no room on the disk
                log.warning("derive_put_off", job_id=str(job_id), error=str(error))
                self._put_off(lease, RETRY_AFTER, str(error))
                return []
        return [Hint(RECORD_RESULT if finished else DERIVE_MEDIA, {"job_id": str(job_id)})]

    def _derive_all(self, put: MediaPut, media: list[Media]) -> bool:
        """One file after another; False when the time was over before the last."""
        began = time.monotonic()
        one = DeriveOne(self.database, self.bucket, self.decoder, put, media)
        originals = [item for item in media if is_derivable(item)][:MOST_FILES]
        todo = [item for item in originals if item.details is None and item.derive_error is None]
        for position, original in enumerate(todo):
            if position and time.monotonic() >= began + self.run_seconds:
                return False
            one.derive(original)
        return True

    def _leave(self, lease: Lease) -> None:
        """If it is ours still, the job was deleted: who purges it need not wait for us."""
        with self.database.begin() as session:
            let_go(session, lease)

    def _put_off(self, lease: Lease, wait: timedelta, why: str | None = None) -> None:
        with self.database.begin() as session:
            if let_go(session, lease, derive_due_at=func.now() + wait) and why:
                note(session, lease.job_id, "put_off", "derive", detail=why)

    def _finish(self, lease: Lease) -> None:
        """Nothing is due any more, but to write down what came of it."""
        with self.database.begin() as session:
            still_mine(session, lease)
            job = get_job(session, lease.job_id)
            failed = [item for item in media_of(session, job) if item.derive_error]
            told = "; ".join(f"{item.name}: {item.derive_error}" for item in failed)
            warning = f"not derived: {told}"
            is_news = bool(failed) and warning not in (job.warnings or [])
            if is_news:
                note(session, job.id, "warning", detail=warning)
            let_go(
                session,
                lease,
                derive_due_at=None,
                record_due_at=func.now(),
                warnings=with_warning(warning) if is_news else Job.warnings,
                updated_at=func.now(),
            )
