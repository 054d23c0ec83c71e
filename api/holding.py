"""Answers that are held back until there is news, as `Prefer: wait=N` asks."""

import time
import uuid

from flask import request

from api.prefer import wait_seconds
from api.statuses import Status, Statuses
from api.waiting import Watcher
from fixative.errors import DatabaseAway

Applied = dict[str, str]  # the header that says that an answer was held back as was asked


class Holding:
    """Holds answers about jobs back; where no place is free they are given at once."""

    def __init__(self, watcher: Watcher, statuses: Statuses) -> None:
        self._watcher = watcher
        self._statuses = statuses

    def until_changed(
        self, job_id: uuid.UUID, owner_id: uuid.UUID | None, prefer: str | None
    ) -> tuple[Status, Applied]:
        """How the job stands, once that is not what the client has.

        That is what its If-None-Match names; else what is seen first, unless the job has ended.
        Raises as reading it does.
        """
        first = status = self._statuses.read(job_id, owner_id)
        seconds = wait_seconds(prefer)
        if seconds is None:
            return status, {}
        until = time.monotonic() + seconds
        with self._watcher.waiter(job_id, end_only=False) as waiter:
            if waiter is None:
                return status, {}
            in_time = True
            while in_time and not _is_news(status, first):
                in_time = waiter.wait(until)
                status = self._statuses.read(job_id, owner_id)
        return status, _applied(seconds)

    def until_ended(
        self, job_id: uuid.UUID, owner_id: uuid.UUID | None, prefer: str | None, accepted: Status
    ) -> tuple[Status, Applied]:
        """How a job that was accepted stands once it has ended; as accepted if nobody can say."""
        seconds = wait_seconds(prefer)
        if seconds is None:
            return accepted, {}
        if accepted.ended:
            return accepted, _applied(seconds)
        with self._watcher.waiter(job_id, end_only=True) as waiter:
            if waiter is None:
                return accepted, {}
            waiter.wait(time.monotonic() + seconds)
        try:
            return self._statuses.read(job_id, owner_id), _applied(seconds)
        except DatabaseAway:
            return accepted, _applied(seconds)


def _applied(seconds: int) -> Applied:
    return {"Preference-Applied": f"wait={seconds}"}


def _is_news(status: Status, first: Status) -> bool:
    """Whether it is something that the client does not have; while Postgres is away nothing is."""
    if status.etag is None:
        return False
    if request.if_none_match:
        return not request.if_none_match.contains_weak(status.etag)
    return status.etag != first.etag or status.ended
