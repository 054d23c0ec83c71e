"""Which workers run, and which of them still hear: a row each, kept by the worker itself.

A worker may live and be deaf: it holds its connection and consumes nothing. So canaries are sent
to each one's own queue, and what was sent is compared with what was heard.
"""

from collections.abc import Iterable
from datetime import timedelta

from sqlalchemy import case, delete, func, null, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from fixative.postgres.operation_tables import WorkerProcess

ALIVE = timedelta(seconds=30)  # three times as long as a worker takes to be seen again
ADDRESSED = timedelta(minutes=3)  # long enough to be found deaf
LATELY = timedelta(minutes=1)
FORGOTTEN = timedelta(hours=1)
CANARY_EVERY = timedelta(seconds=30)
DEAF_SECONDS = 90.0  # three canaries


def appear(session: Session, name: str, pid: int) -> None:
    """Be seen now. Another process under the same name begins anew, its canaries forgotten.

    Rows that nobody kept for an hour go.
    """
    session.execute(
        delete(WorkerProcess).where(
            WorkerProcess.seen_at < func.now() - FORGOTTEN, WorkerProcess.name != name
        )
    )
    same = WorkerProcess.pid == pid
    row = insert(WorkerProcess).values(name=name, pid=pid)
    kept = {
        "pid": pid,
        "seen_at": func.now(),
        "started_at": case((same, WorkerProcess.started_at), else_=func.now()),
        "canary_sent_at": case((same, WorkerProcess.canary_sent_at), else_=null()),
        "canary_heard_at": case((same, WorkerProcess.canary_heard_at), else_=null()),
    }
    session.execute(row.on_conflict_do_update(index_elements=["name"], set_=kept))


def leave(session: Session, name: str) -> None:
    """Be no more."""
    session.execute(delete(WorkerProcess).where(WorkerProcess.name == name))


def live(session: Session) -> list[str]:
    """The names of the workers that were seen in the last 30 s."""
    lately = WorkerProcess.seen_at > func.now() - ALIVE
    return list(session.scalars(select(WorkerProcess.name).where(lately).order_by("name")))


UNADDRESSED = (
    select(WorkerProcess.name)
    .where(
        WorkerProcess.seen_at > func.now() - ADDRESSED,
        or_(
            WorkerProcess.canary_sent_at.is_(None),
            WorkerProcess.canary_sent_at < func.now() - CANARY_EVERY,
        ),
    )
    .order_by(WorkerProcess.name)
)


def awaiting_canary(session: Session) -> list[str]:
    """The workers that were sent none for 30 s; one that hangs too, which is not seen either."""
    return list(session.scalars(UNADDRESSED))


def canary_sent(session: Session, names: Iterable[str]) -> None:
    """Redis has taken a canary for each of these."""
    sent = update(WorkerProcess).where(WorkerProcess.name.in_(list(names)))
    session.execute(sent.values(canary_sent_at=func.now()))


def canary_heard(session: Session, name: str) -> None:
    """This worker has consumed a canary."""
    heard = update(WorkerProcess).where(WorkerProcess.name == name)
    session.execute(heard.values(canary_heard_at=func.now()))


def canary_age(session: Session, name: str) -> float | None:
    """Seconds since Redis last took a canary for this worker; None: never, or no such worker.

    By the clock of Postgres alone, which need not be ours.
    """
    age = func.extract("epoch", func.clock_timestamp() - WorkerProcess.canary_sent_at)
    found = session.scalar(select(age).where(WorkerProcess.name == name))
    return None if found is None else float(found)


def lateness(session: Session) -> dict[str, float]:
    """By how many seconds each worker's last canary is ahead of what it heard; 0: it hears.

    Of the workers seen in the last minute.
    """
    heard = func.coalesce(WorkerProcess.canary_heard_at, WorkerProcess.started_at)
    late = func.extract("epoch", WorkerProcess.canary_sent_at - heard)
    lately = WorkerProcess.seen_at > func.now() - LATELY
    rows = session.execute(select(WorkerProcess.name, late).where(lately).order_by("name"))
    return {name: max(0.0, float(seconds or 0)) for name, seconds in rows}


def deaf(session: Session) -> list[str]:
    """The workers that live and hear nothing: their canary is more than 90 s ahead."""
    return [name for name, seconds in lateness(session).items() if seconds > DEAF_SECONDS]
