"""The breaker of each origin: who does not listen is left alone for a while, and harms no other."""

from datetime import timedelta

from sqlalchemy import ColumnElement, Float, cast, delete, exists, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import InstrumentedAttribute, Session

from fixative.postgres.notification_tables import Subscriber

FAILURES = 5  # in a row: then it is closed
CLOSED_SECONDS = 30  # at first; doubled by every failure that follows
LONGEST_CLOSED_SECONDS = 900
TRIAL = timedelta(seconds=30)


def is_closed(origin: InstrumentedAttribute[str]) -> ColumnElement[bool]:
    """The condition that this origin is left alone now."""
    return exists().where(Subscriber.origin == origin, Subscriber.closed_until > func.now())


def may_call(session: Session, origin: str) -> bool:
    """Whether it may be called; one that was closed is called by one at a time, as a trial."""
    closed_until = select(Subscriber.closed_until).where(Subscriber.origin == origin)
    if session.scalar(closed_until) is None:
        return True
    trial = (
        update(Subscriber)
        .where(Subscriber.origin == origin, Subscriber.closed_until <= func.now())
        .values(closed_until=func.now() + TRIAL)
        .returning(Subscriber.origin)
    )
    return session.scalar(trial) is not None


def listened(session: Session, origin: str) -> None:
    """It took what it was told: nothing is held against it."""
    session.execute(delete(Subscriber).where(Subscriber.origin == origin))


def failed(session: Session, origin: str) -> None:
    """It gave no answer, or one that says that it is in trouble."""
    first = insert(Subscriber).values(origin=origin, failures=1)
    session.execute(
        first.on_conflict_do_update(
            index_elements=["origin"], set_={"failures": Subscriber.failures + 1}
        )
    )
    doubled = CLOSED_SECONDS * func.power(2, func.least(Subscriber.failures - FAILURES, 10))
    seconds = func.least(LONGEST_CLOSED_SECONDS, cast(doubled, Float))
    session.execute(
        update(Subscriber)
        .where(Subscriber.origin == origin, Subscriber.failures >= FAILURES)
        .values(closed_until=func.now() + func.make_interval(0, 0, 0, 0, 0, 0, seconds))
    )
