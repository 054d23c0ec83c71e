"""Keys in the bucket: computed from the job alone, so that writing twice is writing once."""

import uuid
from datetime import datetime

from fixative.postgres.tables import Attempt, Job

FOLDERS = {"image": "images", "video": "videos", "audio": "audio", "text": "text"}


class Keys:
    """The layout `[PREFIX/][ENV/]{kind}/{owner}/{YYYY}/{MM}/{DD}/{job}/NAME`."""

    def __init__(self, prefix: str, env: str) -> None:
        self._root = "".join(f"{part.strip('/')}/" for part in (prefix, env) if part.strip("/"))

    def key(self, job: Job, name: str) -> str:
        """Where `name` of this job lies; fixed when the job is accepted."""
        folder = FOLDERS.get(job.job_type, "files")
        day = f"{job.created_at:%Y/%m/%d}"
        return f"{self._root}{folder}/{job.owner_id}/{day}/{job.id}/{name}"

    def deleted(self, job: Job) -> str:
        """Where a deleted job's tombstone lies."""
        return f"{self._root}deleted/{job.id}.json"

    def input(self, owner_id: uuid.UUID, file_id: uuid.UUID, day: datetime, name: str) -> str:
        """Where an input file lies; `day` is that of its row."""
        return f"{self._root}inputs/{owner_id}/{day:%Y/%m/%d}/{file_id}/{name}"

    def config(self, name: str) -> str:
        """Where `name` lies that is no job's, but the whole system's."""
        return f"{self._root}config/{name}"


def original_name(attempt: Attempt, index: int, count: int, extension: str) -> str:
    """`original.EXT`, numbered when there are several, under the attempt from the second one on."""
    number = f"-{index + 1:03d}" if count > 1 else ""
    return in_attempt(attempt, f"original{number}.{extension}")


def in_attempt(attempt: Attempt, name: str) -> str:
    """A later attempt stores beside the first, never over it."""
    return name if attempt.number == 1 else f"attempt-{attempt.number}/{name}"
