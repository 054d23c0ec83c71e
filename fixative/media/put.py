"""Putting one object: into the bucket first, then into its row, under the lease that holds."""

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.dialects.postgresql import insert
from uuid_utils.compat import uuid7

from fixative.errors import LostLease
from fixative.jobs.delete import written_too_late
from fixative.media.bucket import Bucket
from fixative.media.content import Content
from fixative.media.keys import Keys
from fixative.media.outputs import Pointer
from fixative.media.reader import HashingReader
from fixative.postgres.engine import Database
from fixative.postgres.leases import OF_LEASE, Lease
from fixative.postgres.media_tables import Media
from fixative.postgres.prepared import Prepared
from fixative.postgres.tables import Attempt, Job
from fixative.steps import step
from fixative.telemetry.metrics import STORED_BYTES, STORED_FILES, UPLOAD_SECONDS, timed
from fixative.telemetry.tracing import span

# One statement looks at the lease, locks the job's row and writes the media's.
PLACE = ("job_id", "attempt_id", "index", "role")
TOLD = ("name", "key", "kind", "content_type", "bytes", "sha256", "pointers")
_given = ("id", *PLACE[1:], *TOLD)
_ours = OF_LEASE.cte("ours")
_row = insert(Media).from_select(
    ["job_id", *_given],
    select(_ours.c.id, *(bindparam(name, type_=Media.__table__.c[name].type) for name in _given)),
)
RECORD = Prepared[Any](
    _row.on_conflict_do_update(
        index_elements=PLACE, set_={name: _row.excluded[name] for name in TOLD}
    ).returning(Media.id)
)


@dataclass(frozen=True)
class Piece:
    """What is to be put: its place among the job's media, its name and its type."""

    role: str
    index: int
    name: str
    content: Content
    pointers: list[Pointer] = field(default_factory=list)


@dataclass(frozen=True)
class MediaPut:
    """Puts media of one attempt, for as long as its lease holds."""

    database: Database
    bucket: Bucket
    keys: Keys
    job: Job
    attempt: Attempt
    lease: Lease
    pieces: list[Piece] = field(default_factory=list)  # that were put

    def put(self, piece: Piece, source: HashingReader) -> None:
        """Upload `source` and write its row; the same piece again is the same row.

        Raises LostLease, no row being written, when another worker has the job; and whatever
        reading the source raises, nothing being stored.
        """
        self.lease.check()
        step("store.put")
        key = self.keys.key(self.job, piece.name)
        with timed(UPLOAD_SECONDS), span("store.put", role=piece.role, kind=piece.content.kind):
            self.bucket.put(key, source, piece.content.type)
        STORED_FILES.labels(piece.role, piece.content.kind).inc()
        STORED_BYTES.labels(piece.role, piece.content.kind).inc(source.received)
        step("store.uploaded")
        row = {
            "taken": self.lease.job_id,
            "token": self.lease.token,
            "id": uuid7(),
            "attempt_id": self.attempt.id,
            "role": piece.role,
            "index": piece.index,
            "name": piece.name,
            "key": key,
            "kind": piece.content.kind,
            "content_type": piece.content.type,
            "bytes": source.received,
            "sha256": source.sha256,
            "pointers": piece.pointers,
        }
        if not self.database.alone(RECORD, **row):
            with self.database.begin() as session:
                written_too_late(session, self.job.id)
            raise LostLease(f"job {self.job.id}")
        self.pieces.append(piece)
        step("store.recorded")
