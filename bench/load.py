"""The load: jobs handed in over a few kept connections, their ends read from the database.

Nobody is asked over HTTP whether a job is done: measuring must not disturb what is measured.
"""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from http.client import HTTPConnection
from itertools import count

import psycopg

from bench.systems import Contestant

THREADS = 4
LOOK_SECONDS = 0.1
PATIENCE_SECONDS = 60  # without a single job ending


@dataclass(frozen=True)
class Journey:
    """One job's way, by this machine's clock, which the database shares."""

    submitted_at: float
    stored_at: float

    @property
    def seconds(self) -> float:
        """From the moment before the POST to the moment of `succeeded`."""
        return self.stored_at - self.submitted_at


def send(contestant: Contestant, jobs: int, *, per_second: float | None = None) -> list[Journey]:
    """Hand in so many jobs, as fast as they are taken or at a steady rate; wait for their ends."""
    submitted = _submit(contestant, jobs, per_second)
    stored = _wait(contestant, list(submitted))
    return [Journey(at, stored[job_id]) for job_id, at in submitted.items()]


def _submit(contestant: Contestant, jobs: int, per_second: float | None) -> dict[str, float]:
    start, numbers = time.monotonic(), count()

    def some(_: int) -> list[tuple[str, float]]:
        return list(_submit_some(contestant, jobs, numbers, start, per_second))

    with ThreadPoolExecutor(THREADS) as threads:
        return dict(pair for pairs in threads.map(some, range(THREADS)) for pair in pairs)


def _submit_some(
    contestant: Contestant, jobs: int, numbers: Iterator[int], start: float, rate: float | None
) -> Iterator[tuple[str, float]]:
    """One connection's share: the next number that no other connection has taken, until none."""
    connection = HTTPConnection("127.0.0.1", contestant.port, timeout=30)
    headers = {"Content-Type": "application/json", **contestant.headers}
    body = json.dumps(contestant.body)
    while (number := next(numbers)) < jobs:
        if rate:
            time.sleep(max(0.0, start + number / rate - time.monotonic()))
        at = time.time()
        connection.request("POST", "/jobs", body, headers)
        answer = connection.getresponse()
        text = answer.read()
        if answer.status != 202:
            raise RuntimeError(f"{contestant.name} answered {answer.status}: {text[:500]!r}")
        yield json.loads(text)["id"], at
    connection.close()


def _wait(contestant: Contestant, ids: list[str]) -> dict[str, float]:
    """When each job was completed. Raises if one ended otherwise than well, or if all stand still.

    It asks for what is still open only, so that a long run is not asked about again and again.
    """
    query = "SELECT id::text, status, completed_at FROM jobs WHERE id = ANY(%s::uuid[])"
    query += " AND completed_at IS NOT NULL"
    stored: dict[str, float] = {}
    open_ = set(ids)
    give_up = time.monotonic() + PATIENCE_SECONDS
    with psycopg.connect(contestant.database_url, autocommit=True) as connection:
        while open_:
            ended: list[tuple[str, str, datetime]]
            ended = connection.execute(query, [list(open_)]).fetchall()
            if any(status != "succeeded" for _, status, _ in ended):
                raise RuntimeError(f"{contestant.name}: not every job succeeded")
            if ended:
                give_up = time.monotonic() + PATIENCE_SECONDS
            elif time.monotonic() > give_up:
                raise RuntimeError(f"{contestant.name}: {len(open_)} jobs do not end")
            stored |= {job_id: at.timestamp() for job_id, _, at in ended}
            open_ -= stored.keys()
            time.sleep(LOOK_SECONDS)
    return stored
