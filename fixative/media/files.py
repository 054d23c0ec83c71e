"""Input files: uploaded by their owner, or taken out of a job's input. Each is a row and an object.

The row comes first, so that no object is nobody's: until `stored_at` is set, nobody has seen the
bytes that belong to it.
"""

import re
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from fixative.errors import Conflict, LostLease, NotFound
from fixative.jobs.store import find_job
from fixative.media.bucket import Bucket
from fixative.media.content import SNIFF_BYTES, UNKNOWN, recognise
from fixative.media.keys import Keys
from fixative.media.reader import HashingReader
from fixative.postgres.base import written_out
from fixative.postgres.engine import Database
from fixative.postgres.media_tables import File
from fixative.postgres.tables import Job

LARGEST = 100 * 2**20  # what Replicate's own files API takes
UPLOAD_SECONDS = 3600
LONGEST_NAME = 200  # bytes: some S3 take 255 for a part of a key
LONGEST_SUFFIX = 16
A_TYPE = re.compile(r"[a-z0-9.+-]+/[a-z0-9.+-]+")


@dataclass(frozen=True)
class Files:
    """The input files of all owners. Every method may raise DatabaseAway or BucketError."""

    database: Database
    bucket: Bucket
    keys: Keys

    def announce(self, owner_id: uuid.UUID, name: str, content_type: str, size: int = 0) -> File:
        """A file that is to come, of so many bytes where that is known."""
        file = self._row(uuid7(), owner_id, datetime.now(UTC), name, content_type)
        file.bytes = size
        return self._add(file)

    def announce_for(self, job: Job, content: str, name: str, content_type: str) -> File:
        """A file out of a job's input; `content` identifies it there, so that again is the same.

        Raises LostLease when the job has ended.
        """
        file_id = uuid.uuid5(job.id, content)
        file = self._row(file_id, job.owner_id, job.created_at, name, content_type)
        file.job_id = job.id
        return self._add(file)

    def store(self, file: File, source: HashingReader) -> File:
        """Put all of `source` into the bucket, then say so in the row.

        Raises LostLease, nothing being left, when the file's job ended meanwhile. Whatever reading
        the source raises comes through, nothing being stored.
        """
        self.bucket.put(file.key, source, file.content_type)
        try:
            with self.database.begin() as session:
                _check_wanted(session, file)
                return _stored(session, file, bytes=source.received, sha256=source.sha256)
        except LostLease:
            self.bucket.delete([file.key])
            raise

    def upload_url(self, file: File) -> str:
        """Where its announced bytes may be PUT for an hour, without a key, past us."""
        return self.bucket.upload_url(
            file.key, file.content_type, file.bytes, seconds=UPLOAD_SECONDS
        )

    def get(self, file_id: uuid.UUID) -> File | None:
        """The row, whosever it is and whether its bytes have come or not."""
        with self.database.begin() as session:
            return session.get(File, file_id)

    def find(self, file_id: uuid.UUID, *, owner_id: uuid.UUID | None = None) -> File:
        """The file, its bytes being there; with an owner, only if it is theirs.

        Raises NotFound for wrong and foreign alike, Gone when the job that it is of was deleted,
        Conflict when its upload has not come.
        """
        with self.database.begin() as session:
            file = session.get(File, file_id)
            if file is None or (owner_id is not None and file.owner_id != owner_id):
                raise NotFound(f"no file {file_id}")
            if file.job_id is not None:
                find_job(session, file.job_id, owner_id=owner_id)
        return self.seen(file)

    def page(
        self,
        owner_id: uuid.UUID,
        *,
        before: uuid.UUID | None,
        after: uuid.UUID | None,
        limit: int,
    ) -> list[File]:
        """What this owner has uploaded, newest first: the newest that are older than `before`.

        With `after`, the oldest of those that are newer than that file.
        """
        uploaded = (File.job_id.is_(None), File.stored_at.is_not(None))
        # A range, so that only its owner's index is in order: of all files it would be a few.
        its = File.owner_id.between(owner_id, owner_id)
        page = select(File).where(its, *uploaded).limit(written_out(limit))
        if before is not None:
            page = page.where(File.id < before)
        with self.database.begin() as session:
            if after is None:
                return list(session.scalars(page.order_by(File.owner_id.desc(), File.id.desc())))
            newer = page.where(File.id > after).order_by(File.owner_id, File.id)
            return list(session.scalars(newer))[::-1]

    def annotate(self, file: File, metadata: dict[str, Any]) -> File:
        """Say of a file what its owner says of it."""
        said = update(File).where(File.id == file.id).values({File.metadata_: metadata})
        with self.database.begin() as session:
            return session.scalars(said.returning(File)).one()

    def used(self, file: File) -> None:
        """Begin the time anew for which it is kept."""
        with self.database.begin() as session:
            session.execute(update(File).where(File.id == file.id).values(used_at=func.now()))

    def delete(self, file: File) -> None:
        """Remove the object, then the row."""
        self.bucket.delete([file.key])
        with self.database.begin() as session:
            session.execute(delete(File).where(File.id == file.id))

    def seen(self, file: File) -> File:
        """The file, once its bytes are in the bucket. Raises Conflict while they are not."""
        if file.stored_at is not None:
            return file
        found = self.bucket.head(file.key)
        if found is None:
            raise Conflict(f"file {file.id} has not been uploaded yet")
        if found.bytes != file.bytes:
            told = f"{found.bytes} bytes of the {file.bytes} that were announced"
            raise Conflict(f"file {file.id} was uploaded with {told}")
        with self.database.begin() as session:
            return _stored(session, file)

    def _row(
        self,
        file_id: uuid.UUID,
        owner_id: uuid.UUID,
        created_at: datetime,
        name: str,
        content_type: str,
    ) -> File:
        name = safe_name(name)
        return File(
            id=file_id,
            owner_id=owner_id,
            name=name,
            key=self.keys.input(owner_id, file_id, created_at, name),
            content_type=content_type,
            bytes=0,
            created_at=created_at,
        )

    def _add(self, file: File) -> File:
        """The row, or the one that is already there."""
        given = ("id", "owner_id", "job_id", "name", "key", "content_type", "bytes", "created_at")
        row = insert(File).values({name: getattr(file, name) for name in given})
        with self.database.begin() as session:
            _check_wanted(session, file)
            session.execute(row.on_conflict_do_nothing())
            return session.get_one(File, file.id)


def type_of(source: HashingReader, declared: str | None) -> str:
    """What the first bytes show; where they show nothing, what was declared."""
    found = recognise(source.peek(SNIFF_BYTES), declared).type
    plain = (declared or "").partition(";")[0].strip().lower()
    return plain if found == UNKNOWN and A_TYPE.fullmatch(plain) else found


def safe_name(name: str) -> str:
    """A name that can stand in a key and in a header; its extension is kept when it is cut."""
    plain = "".join(letter if _is_plain(letter) else "-" for letter in name).strip(" .")
    stem, dot, suffix = plain.rpartition(".")
    if not stem or len(suffix) > LONGEST_SUFFIX:
        stem, dot, suffix = plain, "", ""
    room = LONGEST_NAME - len((dot + suffix).encode())
    return f"{stem.encode()[:room].decode(errors='ignore')}{dot}{suffix}" or "file"


def _is_plain(letter: str) -> bool:
    return letter.isprintable() and letter not in '/\\"'


def _check_wanted(session: Session, file: File) -> None:
    """Raise LostLease if the job that the file is of has ended; else it cannot, until we commit."""
    if file.job_id is None:
        return
    unended = select(Job.id).where(Job.id == file.job_id, Job.completed_at.is_(None))
    if session.scalar(unended.with_for_update()) is None:
        raise LostLease(f"job {file.job_id}")


def _stored(session: Session, file: File, **known: int | str) -> File:
    stored = update(File).where(File.id == file.id).values(stored_at=func.now(), **known)
    return session.scalars(stored.returning(File)).one()
