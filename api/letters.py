"""Dead letters tried again, however many there are."""

import uuid
from collections.abc import Sequence

from fixative.jobs.requeue import MOST, requeue
from fixative.postgres.engine import Database
from worker.publisher import Publisher


def requeue_all(
    database: Database,
    publisher: Publisher,
    *,
    ids: Sequence[uuid.UUID] | None = None,
    task: str | None = None,
) -> int:
    """How many open letters are tried again: those named, those of a task, or all."""
    count = 0
    while True:
        with database.begin() as session:
            hints = requeue(session, ids=ids, task=task)
        publisher.publish(hints)
        count += len(hints)
        if len(hints) < MOST:
            return count
