"""Derived media: an image's measures and its thumbnail. They follow; they never hold a job back."""

import io
import uuid
from dataclasses import dataclass
from datetime import timedelta

import structlog
from PIL import Image, ImageOps
from sqlalchemy import func, update

from fixative.errors import BucketError, FixativeError, LostLease, NotFound
from fixative.jobs.store import current_attempt, get_job, media_of, with_warning
from fixative.media.bucket import Bucket
from fixative.media.content import Content
from fixative.media.keys import Keys, in_attempt
from fixative.media.put import MediaPut, Piece
from fixative.media.reader import HashingReader
from fixative.postgres.engine import Database
from fixative.postgres.leases import Lease, LeaseKeeper, let_go, still_mine, take
from fixative.postgres.media_tables import Media
from fixative.postgres.tables import Job

THUMBNAIL_SIDE = 512
MOST_BYTES = 256 * 2**20
LONGEST_SECONDS = 600
RETRY_AFTER = timedelta(seconds=15)

log = structlog.get_logger(__name__)


class NoPicture(FixativeError):
    """The file cannot be read as an image."""


@dataclass(frozen=True)
class Picture:
    """An image's measures in pixels, as it is looked at, and its thumbnail as a JPEG."""

    width: int
    height: int
    thumbnail: bytes


def derivable(media: Media) -> bool:
    """Whether something can be derived from it."""
    return (media.kind, media.role) == ("image", "original")


@dataclass(frozen=True)
class Deriver:
    """What deriving needs."""

    database: Database
    bucket: Bucket
    keys: Keys
    leases: LeaseKeeper

    def derive(self, job_id: uuid.UUID) -> None:
        """Measure the job's images and make a thumbnail of the first; safe twice."""
        with self.database.begin() as session:
            lease = take(session, job_id, Job.derive_due_at <= func.now())
            if lease is None:
                return
            job = get_job(session, job_id)
            attempt = current_attempt(session, job)
            if attempt is None:
                raise LookupError(f"job {job_id} has media without an attempt")
            images = [
                m for m in media_of(session, job) if (m.kind, m.role) == ("image", "original")
            ]
        with self.leases.keep(lease, at_most=LONGEST_SECONDS):
            try:
                put = MediaPut(self.database, self.bucket, self.keys, job, attempt, lease)
                for image in images:
                    self._derive_one(image, put, first=image is images[0])
            except LostLease:
                log.info("derive_lost_its_lease", job_id=str(job_id))
            except BucketError as error:
                log.warning("derive_put_off", job_id=str(job_id), error=str(error))
                self._let_go(lease, again=True)
            except NoPicture as error:
                log.warning("derive_failed", job_id=str(job_id), error=str(error))
                self._let_go(lease, warning=f"no thumbnail: {error}")
            else:
                self._let_go(lease)

    def _derive_one(self, image: Media, put: MediaPut, *, first: bool) -> None:
        if image.bytes > MOST_BYTES:
            raise NoPicture(f"{image.name} is larger than {MOST_BYTES} bytes")
        try:
            picture = look_at(self.bucket.read(image.key))
        except NotFound as error:
            raise NoPicture(f"{image.name} is not in the bucket") from error
        with self.database.begin() as session:
            still_mine(session, put.lease)
            session.execute(
                update(Media)
                .where(Media.id == image.id)
                .values(width=picture.width, height=picture.height)
            )
        if first:
            name = in_attempt(put.attempt, "thumbnail.jpg")
            thumbnail = Piece("thumbnail", 0, name, Content("image/jpeg"))
            put.put(thumbnail, HashingReader(iter([picture.thumbnail])))

    def _let_go(self, lease: Lease, *, again: bool = False, warning: str | None = None) -> None:
        with self.database.begin() as session:
            let_go(
                session,
                lease,
                derive_due_at=func.now() + RETRY_AFTER if again else None,
                warnings=with_warning(warning) if warning else Job.warnings,
                updated_at=func.now(),
            )


def look_at(content: bytes) -> Picture:
    """An image's measures and thumbnail. Raises NoPicture when it cannot be decoded."""
    try:
        with Image.open(io.BytesIO(content)) as opened:
            opened.draft("RGB", (THUMBNAIL_SIDE * 2, THUMBNAIL_SIDE * 2))
            upright = ImageOps.exif_transpose(opened)
            width, height = _measures(content)
            upright.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
            thumbnail = io.BytesIO()
            _on_white(upright).save(thumbnail, "JPEG", quality=85)
    except Exception as error:  # anything at all: some files are made to break decoders
        raise NoPicture(f"{type(error).__name__}: {error}") from error
    return Picture(width, height, thumbnail.getvalue())


def _measures(content: bytes) -> tuple[int, int]:
    """Width and height as looked at: `draft` shrinks what the decoder says, so look afresh."""
    with Image.open(io.BytesIO(content)) as opened:
        width, height = opened.size
        turned = opened.getexif().get(0x0112, 1) in {5, 6, 7, 8}  # EXIF orientation
        return (height, width) if turned else (width, height)


def _on_white(image: Image.Image) -> Image.Image:
    if "A" not in image.getbands() and "transparency" not in image.info:
        return image.convert("RGB")
    paper = Image.new("RGBA", image.size, "white")
    paper.alpha_composite(image.convert("RGBA"))
    return paper.convert("RGB")
