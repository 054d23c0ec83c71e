"""Storing: every original of a job in the bucket and in its rows, and only then `succeeded`."""

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog
from sqlalchemy import func
from sqlalchemy.orm import Session

from fixative.errors import (
    BucketError,
    DatabaseAway,
    LostLease,
    OutputError,
    OutputExpired,
    OutputNotStored,
)
from fixative.jobs.store import current_attempt, error_of, get_job, media_of, move
from fixative.media.bucket import Bucket
from fixative.media.content import SNIFF_BYTES, Content, recognise
from fixative.media.fetch import Fetcher
from fixative.media.keys import Keys, in_attempt, original_name
from fixative.media.outputs import (
    OutputFile,
    find_files,
    is_structured,
    text_of,
    with_files_as,
)
from fixative.media.put import MediaPut, Piece
from fixative.media.reader import HashingReader
from fixative.names import DERIVE_MEDIA, Hint
from fixative.postgres.engine import Database
from fixative.postgres.leases import Lease, LeaseKeeper, let_go, take
from fixative.postgres.media_tables import Media
from fixative.postgres.tables import Attempt, Job
from fixative.steps import step

BACKOFF_SECONDS = 2.0
LONGEST_BACKOFF_SECONDS = 60.0
NOTHING: tuple[Any, ...] = (None, "", [], {})
MOST_TRIES = 60  # about an hour: by then the files are gone at Replicate
LONGEST_SECONDS = 2 * 3600  # of one run; its lease is then renewed no more

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Storer:
    """What storing needs."""

    database: Database
    bucket: Bucket
    fetcher: Fetcher
    keys: Keys
    leases: LeaseKeeper

    def store(self, job_id: uuid.UUID) -> list[Hint]:
        """Store the outputs of a job that is `storing`; safe twice, and beside another worker.

        Answers the hints that follow. What failed for now stays due in the row.
        """
        step("store.begin")
        with self.database.begin() as session:
            due = (Job.status == "storing", Job.next_attempt_at <= func.now())
            lease = take(session, job_id, *due)
            if lease is None:
                return []
            job = get_job(session, job_id)
            attempt = current_attempt(session, job)
            saved = {(media.role, media.index): media for media in media_of(session, job)}
        if attempt is None:
            raise LookupError(f"job {job_id} is storing without an attempt")
        step("store.taken")
        with self.leases.keep(lease, at_most=LONGEST_SECONDS):
            try:
                return _Storing(self, job, attempt, lease, saved).run()
            except LostLease:
                log.info("store_lost_its_lease", job_id=str(job_id))
                return []
            except (OutputError, BucketError) as error:
                self._put_off(job, lease, error)
                return []
            except DatabaseAway:
                raise
            except Exception as error:
                log.exception("store_failed_unexpectedly", job_id=str(job_id))
                self._put_off(job, lease, OutputNotStored(f"{type(error).__name__}: {error}"))
                return []

    def _put_off(self, job: Job, lease: Lease, error: OutputError | BucketError) -> None:
        """Leave the row due for later, or fail the job when trying again cannot help."""
        log.warning("store_failed", job_id=str(job.id), tries=job.tries, error=str(error))
        with self.database.begin() as session:
            if not error.retryable or (isinstance(error, OutputError) and job.tries >= MOST_TRIES):
                code = error.code if isinstance(error, OutputError) else "internal"
                saved = _saved_names(session, job)
                failure = error_of(code, str(error), details=saved)
                move(session, job.id, "failed", cause="task", lease=lease, error=failure)
                return
            wait = min(BACKOFF_SECONDS * 2 ** min(job.tries, 10), LONGEST_BACKOFF_SECONDS)
            later = func.now() + timedelta(seconds=wait)
            let_go(session, lease, next_attempt_at=later, waiting_reason="upstream")


@dataclass(frozen=True)
class _Storing:
    """One run over one job's outputs, under one lease."""

    tools: Storer
    job: Job
    attempt: Attempt
    lease: Lease
    saved: dict[tuple[str, int], Media]

    def run(self) -> list[Hint]:
        prediction = self.attempt.prediction or {}
        output = prediction.get("output")
        if output in NOTHING and prediction.get("data_removed"):
            raise OutputExpired("Replicate had removed the output before it was seen")
        files = find_files(output, self.tools.fetcher.allowed)
        text = text_of(output, files)
        count = len(files) + (text is not None)
        names = self._save_files(files, count)
        if text is not None:
            self._save_text(text, len(files), count)
        if is_structured(output):
            self._save_json(with_files_as(output, names, files))
        return self._finish()

    def _save_files(self, files: list[OutputFile], count: int) -> dict[int, str]:
        """Save whatever can be saved, then raise for what could not.

        What may yet come is raised first: the job must not fail while a file of it can be had.
        """
        names, failed = {}, list[OutputError]()
        for file in files:
            try:
                names[file.index] = self._save_file(file, count)
            except OutputError as error:
                failed.append(error)
        if failed:
            raise min(failed, key=lambda error: not error.retryable)
        return names

    def _save_file(self, file: OutputFile, count: int) -> str:
        known = self._already("original", file.index)
        if known is not None:
            return known
        step("store.fetch")
        with self.tools.fetcher.open(file.url) as download:
            source = HashingReader(self._while_ours(download.chunks))
            content = recognise(source.peek(SNIFF_BYTES), download.declared_type)
            name = original_name(self.attempt, file.index, count, content.extension)
            self._put(Piece("original", file.index, name, content, file.pointers), source)
        return name

    def _while_ours(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        """The chunks, for as long as the lease holds: an upload that lost it ends half-way."""
        for chunk in chunks:
            self.lease.check()
            yield chunk

    def _save_text(self, text: str, index: int, count: int) -> None:
        if self._already("original", index) is None:
            name = original_name(self.attempt, index, count, "txt")
            source = HashingReader(iter([text.encode()]))
            self._put(Piece("original", index, name, Content("text/plain")), source)

    def _save_json(self, output: Any) -> None:
        if self._already("output", 0) is None:
            written = json.dumps(output, sort_keys=True, ensure_ascii=False)
            source = HashingReader(iter([written.encode()]))
            name = in_attempt(self.attempt, "output.json")
            self._put(Piece("output", 0, name, Content("application/json")), source)

    def _already(self, role: str, index: int) -> str | None:
        """The name of what an earlier run has stored, if its object is still as recorded."""
        media = self.saved.get((role, index))
        if media is None:
            return None
        found = self.tools.bucket.head(media.key)
        return media.name if found is not None and found.bytes == media.bytes else None

    def _put(self, piece: Piece, source: HashingReader) -> None:
        tools = self.tools
        MediaPut(tools.database, tools.bucket, tools.keys, self.job, self.attempt, self.lease).put(
            piece, source
        )

    def _finish(self) -> list[Hint]:
        with self.tools.database.begin() as session:
            has_images = any(m.kind == "image" for m in media_of(session, self.job))
            moved = move(
                session,
                self.job.id,
                "succeeded",
                cause="task",
                lease=self.lease,
                derive=has_images,
            )
        step("store.finished")
        if moved and has_images:
            return [Hint(DERIVE_MEDIA, {"job_id": str(self.job.id)})]
        return []


def _saved_names(session: Session, job: Job) -> dict[str, list[str]]:
    return {"saved": [media.name for media in media_of(session, job)]}
