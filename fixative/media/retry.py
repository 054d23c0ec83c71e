"""Retry with a look into the bucket: a job that succeeded may have lost what was stored of it."""

import uuid

from fixative.jobs.retry import retry
from fixative.jobs.store import get_job, media_of
from fixative.media.bucket import Bucket
from fixative.names import Hint
from fixative.postgres.engine import Database

STORED = ("original", "output")  # all else is derived from these


def retry_job(
    database: Database, bucket: Bucket, job_id: uuid.UUID, *, cause: str, pay_again: bool
) -> list[Hint]:
    """Retry as `fixative.jobs.retry` does. Raises BucketError too, when the bucket does not say."""
    with database.begin() as session:
        job = get_job(session, job_id)
        media = media_of(session, job) if job.status == "succeeded" else []
    stored = [item for item in media if item.role in STORED]
    incomplete = not all(bucket.holds(item.key, item.bytes) for item in stored)
    with database.begin() as session:
        return retry(session, job_id, cause=cause, pay_again=pay_again, incomplete=incomplete)
