"""Ticks: periodic work done once, however many beats ask for it.

A tick's task first takes its row; a second one that comes within the period, or while the first
is at work, finds nothing to take.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from sqlalchemy import func, or_, update
from sqlalchemy.dialects.postgresql import insert

from fixative.postgres.engine import Database
from fixative.postgres.operation_tables import Tick

EARLY = 0.2  # of a period: beats are not exact, and a tick taken a little early is not missed


@contextmanager
def tick(database: Database, name: str, every: timedelta, *, lease: timedelta) -> Iterator[bool]:
    """Whether this call is the one that does the work; the row is free again when the block ends.

    After `lease` another call may begin, even if this one is still at work.
    """
    token = _take(database, name, every, lease)
    try:
        yield token is not None
    finally:
        if token is not None:
            with database.begin() as session:
                session.execute(
                    update(Tick)
                    .where(Tick.name == name, Tick.lease_token == token)
                    .values(lease_until=None, finished_at=func.now())
                )


def _take(database: Database, name: str, every: timedelta, lease: timedelta) -> int | None:
    due = (
        update(Tick)
        .where(
            Tick.name == name,
            Tick.next_at <= func.now() + every * EARLY,
            or_(Tick.lease_until.is_(None), Tick.lease_until < func.now()),
        )
        .values(
            next_at=func.now() + every,
            lease_until=func.now() + lease,
            lease_token=Tick.lease_token + 1,
        )
        .returning(Tick.lease_token)
    )
    with database.begin() as session:
        session.execute(insert(Tick).values(name=name).on_conflict_do_nothing())
        return session.scalar(due)
