"""The audit: whether the bucket holds what the rows say, and nothing else.

The bucket is listed first and the rows are read after it, so on a running system an object whose
row came meanwhile is no orphan. What looks missing is looked at once more.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from sqlalchemy import BigInteger, Text, Uuid, column, insert, or_, select, table, text
from sqlalchemy.orm import Session, load_only

from fixative.media.bucket import Bucket
from fixative.media.keys import Keys
from fixative.media.manifest import NAME
from fixative.postgres.engine import Database
from fixative.postgres.media_tables import File, Media
from fixative.postgres.tables import Job

PAGE = 1000
LONGEST_SECONDS = 12 * 3600  # of a comparison, and so of its connection: a bucket may be very large
LISTED = table("listed", column("key", Text), column("bytes", BigInteger), column("job_id", Uuid))
EXPECTED = table("expected", column("key", Text), column("bytes", BigInteger))
TABLES = """
    CREATE TEMPORARY TABLE IF NOT EXISTS listed (key text PRIMARY KEY, bytes bigint, job_id uuid);
    CREATE TEMPORARY TABLE IF NOT EXISTS expected (key text PRIMARY KEY, bytes bigint);
    TRUNCATE listed, expected;
"""


@dataclass(frozen=True)
class Audit:
    """Keys of objects that no row knows; of rows without their object; of objects cut or grown."""

    objects: int
    orphans: list[str]
    missing: list[str]
    wrong_size: list[str]

    @property
    def clean(self) -> bool:
        """Whether bucket and rows agree."""
        return not (self.orphans or self.missing or self.wrong_size)


def audit(database: Database, bucket: Bucket, keys: Keys) -> Audit:
    """Compare every object of ours with every row. Takes memory for what it finds, and for a page.

    `database` must have one connection only, kept for as long as this takes, and patience for as
    long: the two sides lie in temporary tables of it. What is being uploaded, stored, derived,
    recorded or purged just now is left out. Raises BucketError.
    """
    with database.begin() as session:
        session.execute(text(TABLES))
    listed = (
        {"key": found.key, "bytes": found.bytes, "job_id": keys.job_of(found.key)}
        for folder in keys.folders
        for found in bucket.listing(folder)
    )
    objects = 0
    for page in _pages(listed):
        with database.begin() as session:
            session.execute(insert(LISTED), page)
        objects += len(page)
    with database.begin() as session:
        for page in _pages(_expected(session, keys)):
            session.execute(insert(EXPECTED), page)
        orphans, missing, wrong_size = _orphans(session), _missing(session), _wrong_size(session)
    missing = [key for key in missing if bucket.head(key) is None]
    return Audit(objects, orphans, missing, wrong_size)


def _expected(session: Session, keys: Keys) -> Iterator[dict[str, Any]]:
    """Every object that a row says is there; what is about to be removed may be gone already."""
    stays = Job.purge_due_at.is_(None)
    for media in session.execute(
        select(Media.key, Media.bytes).join(Job, Job.id == Media.job_id).where(stays)
    ).yield_per(PAGE):
        yield {"key": media.key, "bytes": media.bytes}
    files = select(File.key, File.bytes).outerjoin(Job, Job.id == File.job_id)
    for file in session.execute(files.where(File.stored_at.is_not(None), stays)).yield_per(PAGE):
        yield {"key": file.key, "bytes": file.bytes}
    ended = select(Job).where(Job.completed_at.is_not(None), Job.record_due_at.is_(None), stays)
    wanted = load_only(Job.owner_id, Job.job_type, Job.created_at, Job.deleted_at)
    for job in session.scalars(ended.options(wanted)).yield_per(PAGE):
        key = keys.key(job, NAME) if job.deleted_at is None else keys.deleted(job)
        yield {"key": key, "bytes": None}


def _orphans(session: Session) -> list[str]:
    under_way = select(Job.id).where(
        or_(
            Job.completed_at.is_(None),
            Job.derive_due_at.is_not(None),
            Job.record_due_at.is_not(None),
            Job.purge_due_at.is_not(None),
        )
    )
    unknown = (
        select(LISTED.c.key)
        .outerjoin(EXPECTED, EXPECTED.c.key == LISTED.c.key)
        .where(EXPECTED.c.key.is_(None))
        .where(or_(LISTED.c.job_id.is_(None), LISTED.c.job_id.not_in(under_way)))
        .where(LISTED.c.key.not_in(select(File.key).where(File.stored_at.is_(None))))
    )
    return list(session.scalars(unknown.order_by(LISTED.c.key)))


def _missing(session: Session) -> list[str]:
    absent = select(EXPECTED.c.key).outerjoin(LISTED, EXPECTED.c.key == LISTED.c.key)
    return list(session.scalars(absent.where(LISTED.c.key.is_(None)).order_by(EXPECTED.c.key)))


def _wrong_size(session: Session) -> list[str]:
    both = select(EXPECTED.c.key).join(LISTED, EXPECTED.c.key == LISTED.c.key)
    return list(session.scalars(both.where(EXPECTED.c.bytes != LISTED.c.bytes)))


def _pages(rows: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    rows = iter(rows)
    while page := list(islice(rows, PAGE)):
        yield page
