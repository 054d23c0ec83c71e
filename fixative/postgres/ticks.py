"""Ticks: periodic work done once, however many beats ask for it.

A tick's task first takes its row; a second one that comes within the period, or while the first
is at work, finds nothing to take.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from sqlalchemy import Interval, bindparam, func, or_, update
from sqlalchemy.dialects.postgresql import insert

from fixative.postgres.engine import Database
from fixative.postgres.operation_tables import Tick

EARLY = 0.2  # of a period: beats are not exact, and a tick taken a little early is not missed

# Built once: ticks come every second.
TAKE = (
    update(Tick)
    .where(
        Tick.name == bindparam("taken"),
        Tick.next_at <= func.now() + bindparam("early", type_=Interval),
        or_(Tick.lease_until.is_(None), Tick.lease_until < func.now()),
    )
    .values(
        next_at=func.now() + bindparam("every", type_=Interval),
        lease_until=func.now() + bindparam("lease", type_=Interval),
        lease_token=Tick.lease_token + 1,
    )
    .returning(Tick.lease_token)
)
KNOW = insert(Tick).values(name=bindparam("name")).on_conflict_do_nothing().returning(Tick.name)
END = (
    update(Tick)
    .where(Tick.name == bindparam("ended"), Tick.lease_token == bindparam("token"))
    .values(lease_until=None, finished_at=func.now())
)


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
                session.execute(END, {"ended": name, "token": token})


def _take(database: Database, name: str, every: timedelta, lease: timedelta) -> int | None:
    asked = {"taken": name, "every": every, "lease": lease, "early": every * EARLY}
    with database.begin() as session:
        token = session.scalar(TAKE, asked)
        if token is None and session.scalar(KNOW, {"name": name}):
            token = session.scalar(TAKE, asked)
        return token
