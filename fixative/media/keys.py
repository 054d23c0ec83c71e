"""Keys in the bucket: computed from the job alone, so that writing twice is writing once."""

import re
import uuid
from datetime import datetime

from fixative.postgres.tables import Attempt, Job

FOLDERS = {"image": "images", "video": "videos", "audio": "audio", "text": "text"}
OTHERS = "files"
KINDS = "|".join((*FOLDERS.values(), OTHERS))
UUID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
IN_A_JOB = re.compile(rf"(?:{KINDS})/{UUID}/\d{{4}}/\d\d/\d\d/({UUID})/")


class Keys:
    """The layout `[PREFIX/][ENV/]{kind}/{owner}/{YYYY}/{MM}/{DD}/{job}/NAME`."""

    def __init__(self, prefix: str, env: str) -> None:
        self.root = "".join(f"{part.strip('/')}/" for part in (prefix, env) if part.strip("/"))

    def key(self, job: Job, name: str) -> str:
        """Where `name` of this job lies; fixed when the job is accepted."""
        folder = FOLDERS.get(job.job_type, OTHERS)
        day = f"{job.created_at:%Y/%m/%d}"
        return f"{self.root}{folder}/{job.owner_id}/{day}/{job.id}/{name}"

    def folder_of(self, key: str, job: Job) -> str:
        """The job's folder that this key of it lies in, under whatever prefix."""
        before, found, _ = key.partition(f"/{job.id}/")
        return before + found

    @property
    def folders(self) -> list[str]:
        """Where everything lies that belongs to a job, an owner or a deleted job."""
        names = (*FOLDERS.values(), OTHERS, "inputs", "deleted")
        return [f"{self.root}{name}/" for name in names]

    def job_of(self, key: str) -> uuid.UUID | None:
        """The job in whose folder the key lies; None: in no job's."""
        found = IN_A_JOB.match(key.removeprefix(self.root))
        return uuid.UUID(found[1]) if found else None

    @property
    def tombstones(self) -> str:
        """Where the tombstones of all deleted jobs lie."""
        return f"{self.root}deleted/"

    def deleted(self, job: Job) -> str:
        """Where a deleted job's tombstone lies."""
        return f"{self.tombstones}{job.id}.json"

    def input(self, owner_id: uuid.UUID, file_id: uuid.UUID, day: datetime, name: str) -> str:
        """Where an input file lies; `day` is that of its row."""
        return f"{self.root}inputs/{owner_id}/{day:%Y/%m/%d}/{file_id}/{name}"

    def config(self, name: str) -> str:
        """Where `name` lies that is no job's, but the whole system's."""
        return f"{self.root}config/{name}"


def original_name(attempt: Attempt, index: int, count: int, extension: str) -> str:
    """`original.EXT`, numbered when there are several, under the attempt from the second one on."""
    number = f"-{index + 1:03d}" if count > 1 else ""
    return in_attempt(attempt, f"original{number}.{extension}")


def in_attempt(attempt: Attempt, name: str) -> str:
    """A later attempt stores beside the first, never over it."""
    return name if attempt.number == 1 else f"attempt-{attempt.number}/{name}"
