"""What was last shown of each job, kept in Redis for five minutes.

It is shown again while a glance at the job finds it unchanged, and, marked as old, while Postgres
is away and nobody knows (ADR 0023).
"""

import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from redis import Redis

from fixative.jobs.glance import Glance
from fixative.shared import Shared

SCRIPT = files("fixative.media").joinpath("last_shown.lua").read_text()
KEPT_SECONDS = 300
LARGEST = 64 * 1024  # of a job: Redis is small, and has hints to carry
DELETED = 2**53  # a number beyond every move's


@dataclass(frozen=True)
class Shown:
    """A job as it was shown when it was read at `at`, in seconds since 1970."""

    owner_id: uuid.UUID
    at: float
    digest: str  # of a glance before that
    job: bytes | None  # as it was given to be kept; None: it was deleted


class LastShown:
    """Safe with many processes: nothing takes the place of what is of a later move.

    While Redis is away nothing is kept, and nothing found.
    """

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self._script = shared.redis.register_script(SCRIPT)

    def keep(self, seen: Glance, job: bytes, *, at: float) -> None:
        """Keep what is shown of a job that was seen so, or, if it is large, that nothing is."""
        told = job if len(job) <= LARGEST else b""
        values = (seen.number, at, str(seen.owner_id), seen.digest, told)
        self._shared.shared_or_local(
            lambda redis: self._say(redis, seen.job_id, *values), lambda: None
        )

    def bury(self, deleted: Iterable[tuple[uuid.UUID, uuid.UUID]]) -> None:
        """Let nothing be shown of these any more, each with its owner: they were deleted."""

        def say(redis: Redis) -> None:
            at = time.time()
            with redis.pipeline(transaction=False) as pipe:
                for job_id, owner_id in deleted:
                    self._say(pipe, job_id, DELETED, at, str(owner_id), "", b"")
                pipe.execute()

        self._shared.shared_or_local(say, lambda: None)

    def find(self, job_id: uuid.UUID) -> Shown | None:
        """What is kept of it; None if there is nothing to show."""
        kept: dict[Any, Any] = self._shared.shared_or_local(
            lambda redis: redis.hgetall(_key(job_id)), dict
        )
        if not kept:
            return None
        deleted = int(kept[b"number"]) == DELETED
        if not deleted and not kept[b"job"]:
            return None
        owner_id = uuid.UUID(kept[b"owner"].decode())
        digest, job = kept[b"digest"].decode(), None if deleted else kept[b"job"]
        return Shown(owner_id, float(kept[b"at"]), digest, job)

    def _say(self, redis: Redis, job_id: uuid.UUID, *values: bytes | str | float) -> None:
        self._script(keys=[_key(job_id)], args=[*values, KEPT_SECONDS], client=redis)


def _key(job_id: uuid.UUID) -> str:
    return f"fixative:shown:{job_id}"
