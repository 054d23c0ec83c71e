"""Deriving from one original: fetched, decoded elsewhere, its pieces put, its row told."""

import time
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import update

from fixative.errors import NotDecodable, NotFound
from fixative.media.bucket import Bucket
from fixative.media.content import Content
from fixative.media.decoding.process import Decoder
from fixative.media.keys import in_attempt
from fixative.media.put import MediaPut, Piece
from fixative.media.reader import HashingReader
from fixative.media.workspace import workspace
from fixative.postgres.engine import Database
from fixative.postgres.leases import still_mine
from fixative.postgres.media_tables import Media
from fixative.telemetry.metrics import DERIVE_FAILURES

# Of images all has to be in memory at once; of the others, room on the disk is what it takes.
MOST_BYTES = {"image": 512 * 2**20, "video": 4 * 2**30, "audio": 4 * 2**30}
CHUNK = 2**20
FETCH_SECONDS = 90  # of one file, out of the bucket
COLUMNS = ("width", "height", "duration", "details")
ROLES = {
    "thumbnail": Content("image/jpeg"),
    "web": Content("image/webp"),
    "preview": Content("image/gif"),
    "waveform": Content("image/png"),
}

log = structlog.get_logger(__name__)


class DeriveOne:
    """Derives from the originals of a job, one at a time; `media` are those it has already."""

    def __init__(
        self,
        database: Database,
        bucket: Bucket,
        decoder: Decoder,
        put: MediaPut,
        media: list[Media],
    ) -> None:
        self._database = database
        self._bucket = bucket
        self._decoder = decoder
        self._put = put
        self._names = {(item.role, item.index): item.name for item in media}

    def derive(self, original: Media) -> None:
        """Derive what there is and write it down; of a file that cannot be decoded, the reason.

        Raises LostLease, BucketError and NoDecoder.
        """
        try:
            measures = self._decode(original)
        except NotDecodable as error:
            about = {"job_id": str(original.job_id), "name": original.name, "detail": error.detail}
            log.warning("not_derived", reason=str(error), **about)
            measures = {"derive_error": str(error)}
            DERIVE_FAILURES.inc()
        with self._database.begin() as session:
            still_mine(session, self._put.lease)
            session.execute(update(Media).where(Media.id == original.id).values(measures))

    def _decode(self, original: Media) -> dict[str, Any]:
        """The columns that the decoder filled, its pieces being put."""
        most = MOST_BYTES[original.kind]
        if original.bytes > most:
            raise NotDecodable(f"it is larger than {most // 2**20} MiB")
        with workspace() as folder:
            source, made = folder / "source", folder / "made"
            made.mkdir()
            self._fetch(original, source)
            measures = self._decoder.decode(original.kind, source, made)
            for role, content in ROLES.items():
                piece = made / role
                if piece.is_file() and not piece.is_symlink():
                    self._put_piece(role, content, original.index, piece)
        return {name: measures.get(name) for name in COLUMNS}

    def _fetch(self, original: Media, target: Path) -> None:
        deadline = time.monotonic() + FETCH_SECONDS
        try:
            with target.open("wb") as file:
                for chunk in self._bucket.chunks(original.key):
                    self._put.lease.check()
                    if time.monotonic() > deadline:
                        raise NotDecodable(f"it does not come within {FETCH_SECONDS} s")
                    file.write(chunk)
        except NotFound as error:
            raise NotDecodable("it is not in the bucket") from error

    def _put_piece(self, role: str, content: Content, index: int, made: Path) -> None:
        name = self._name(role, index, content.extension)
        with made.open("rb") as file:
            chunks = iter(lambda: file.read(CHUNK), b"")
            self._put.put(Piece(role, index, name, content), HashingReader(chunks))
        self._names[role, index] = name

    def _name(self, role: str, index: int, extension: str) -> str:
        """What it is called already; else plain for the first of its role, numbered for others."""
        if (role, index) in self._names:
            return self._names[role, index]
        is_first = all(taken != role for taken, _ in self._names)
        number = "" if is_first else f"-{index + 1:03d}"
        return in_attempt(self._put.attempt, f"{role}{number}.{extension}")
