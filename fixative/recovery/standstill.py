"""A database that nobody else works on: no worker, and no other rebuild or recover."""

from collections.abc import Iterator
from contextlib import contextmanager

from fixative.errors import Conflict
from fixative.postgres.engine import Database
from fixative.postgres.presence import live

LOCK = 5_120_886  # a number that no other lock has


@contextmanager
def standing_still(database: Database) -> Iterator[None]:
    """Keep others out: two at once might let jobs be submitted that one of them still brings back.

    Raises Conflict while workers are alive, or another has it; its death ends that at once.
    """
    with database.locked(LOCK) as mine:
        if not mine:
            raise Conflict("another `fixative rebuild` or `recover` is running")
        with database.begin() as session:
            if alive := live(session):
                raise Conflict(f"workers are running: stop {', '.join(alive)} first")
        yield
