"""The rows of what is to be told: which are due, whose turn it is, and what came of a try."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from fixative.names import NOTIFY, NOTIFY_SUBSCRIBER, Hint
from fixative.notify.subscribers import is_closed
from fixative.postgres.base import written_out
from fixative.postgres.engine import Database
from fixative.postgres.notification_tables import Notification

LEASE = timedelta(seconds=30)  # a POST takes ten
# After each try that failed, in seconds; some 24 hours in all.
DELAYS = (5, 30, 120, 600, 1800, 3600, 7200, *(14_400,) * 5)
LONGEST_LOG = 30
MOST_WAITING = 100
AGAIN: dict[str, Any] = {"next_attempt_at": func.now(), "delivered_at": None, "tries": 0}

TELL_WAITING = text("""
    WITH waiting AS (
        UPDATE jobs SET told_waiting = waiting_reason
        WHERE webhook_events @> '["waiting"]'
            AND status NOT IN ('succeeded', 'failed', 'canceled')
            AND waiting_reason IS DISTINCT FROM told_waiting
        RETURNING id, owner_id, webhook, waiting_reason
    )
    INSERT INTO notifications (id, job_id, owner_id, event, url)
    SELECT gen_random_uuid(), id, owner_id, 'waiting', webhook
    FROM waiting WHERE waiting_reason IS NOT NULL
""")


@dataclass(frozen=True)
class NotificationQuery:
    """Which to list; None leaves a thing open. State: pending, delivered or given_up."""

    owner_id: uuid.UUID | None = None
    job_id: uuid.UUID | None = None
    state: str | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """The same in SQL."""
        found = [] if self.owner_id is None else [Notification.owner_id == self.owner_id]
        found += [] if self.job_id is None else [Notification.job_id == self.job_id]
        return found if self.state is None else [*found, *STATES[self.state]]


STATES: dict[str, tuple[ColumnElement[bool], ...]] = {
    "pending": (Notification.next_attempt_at.is_not(None),),
    "delivered": (Notification.delivered_at.is_not(None),),
    "given_up": (
        Notification.next_attempt_at.is_(None),
        Notification.delivered_at.is_(None),
    ),
}


def state_of(notification: Notification) -> str:
    """In a word: pending, delivered or given_up."""
    if notification.next_attempt_at is not None:
        return "pending"
    return "delivered" if notification.delivered_at is not None else "given_up"


def _due() -> tuple[ColumnElement[bool], ...]:
    free = or_(Notification.lease_until.is_(None), Notification.lease_until < func.now())
    return Notification.next_attempt_at <= func.now(), free


FIRST_OF_EACH = (
    select(Notification.id)
    .where(*_due(), ~is_closed(Notification.origin))
    .ext(distinct_on(Notification.origin))
    .order_by(Notification.origin, Notification.next_attempt_at)
)


def find_untold(database: Database, waiting: Mapping[str, int]) -> list[Hint]:
    """Hints for what is due: one for each origin, since whoever is hinted goes on with the rest.

    `waiting` tells how many messages each queue holds: one that holds many gets none.
    """
    if waiting.get(NOTIFY, 0) >= MOST_WAITING:
        return []
    with database.begin() as session:
        session.execute(TELL_WAITING)
        ids = session.scalars(FIRST_OF_EACH).all()
    return [Hint(NOTIFY_SUBSCRIBER, {"notification_id": str(id_)}) for id_ in ids]


def take(session: Session, *which: ColumnElement[bool]) -> Notification | None:
    """The first of these that is due and free, for 30 s; counts the try."""
    first = (
        select(Notification.id)
        .where(*which, *_due())
        .order_by(Notification.next_attempt_at)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    return session.scalars(
        update(Notification)
        .where(Notification.id.in_(first.scalar_subquery()))
        .values(lease_until=func.now() + LEASE, tries=Notification.tries + 1)
        .returning(Notification)
    ).one_or_none()


def end_try(
    session: Session,
    notification: Notification,
    *,
    status: int | None,
    error: str | None,
    next_attempt_at: Any = None,
) -> None:
    """Write down what came of a try; without `error` it was told, without a next one it is over."""
    line = {"at": datetime.now(UTC).isoformat(), "status": status, "error": error}
    session.execute(
        update(Notification)
        .where(Notification.id == notification.id, Notification.tries == notification.tries)
        .values(
            lease_until=None,
            next_attempt_at=next_attempt_at,
            delivered_at=func.now() if error is None else None,
            log=[*notification.log, line][-LONGEST_LOG:],
        )
    )


def next_try(notification: Notification, at_least: float) -> Any:
    """When a failed one is tried again; None once it was for a day."""
    if notification.tries > len(DELAYS):
        return None
    seconds = max(DELAYS[notification.tries - 1], at_least)
    return func.now() + timedelta(seconds=seconds)


def replay(session: Session, query: NotificationQuery, ids: list[uuid.UUID] | None = None) -> int:
    """Have these told once more, under their own ids; how many there are.

    A subscriber that takes each `webhook-id` once will not notice those it had.
    """
    chosen = query.conditions()
    if ids is not None:
        chosen.append(Notification.id.in_(ids))
    again = session.scalars(
        update(Notification)
        .where(*chosen, Notification.next_attempt_at.is_(None))
        .values(AGAIN)
        .returning(Notification.id)
    )
    return len(again.all())


def list_notifications(
    session: Session, query: NotificationQuery, *, before: uuid.UUID | None, limit: int
) -> list[Notification]:
    """The newest `limit`, older than the one of that id."""
    page = select(Notification)
    order: list[Any] = [Notification.at.desc(), Notification.id.desc()]
    if query.owner_id is None or query.job_id is not None:
        page = page.where(*query.conditions())
    else:  # by the owner's own index, and no plan that would go through everybody's
        its = Notification.owner_id.between(query.owner_id, query.owner_id)
        page = page.where(its, *replace(query, owner_id=None).conditions())
        order = [Notification.owner_id.desc(), *order]
    if before is not None:
        at = select(Notification.at).where(Notification.id == before).scalar_subquery()
        page = page.where(tuple_(Notification.at, Notification.id) < tuple_(at, before))
    return list(session.scalars(page.order_by(*order).limit(written_out(limit))))
