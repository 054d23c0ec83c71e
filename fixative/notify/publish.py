"""Publishing: the ends of chosen jobs told to whoever wants them, as after a recovery."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Boolean, Select, and_, func, literal_column, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import aliased

from fixative.jobs.job_query import JobQuery
from fixative.jobs.many import find_many
from fixative.jobs.telling import EVENT_ID
from fixative.notify.notifications import AGAIN
from fixative.postgres.base import among
from fixative.postgres.engine import Database
from fixative.postgres.notification_tables import Notification
from fixative.postgres.tables import TERMINAL_STATUSES, Job, Owner

NAMES = ("id", "job_id", "owner_id", "event", "url", "at")


@dataclass(frozen=True)
class Published:
    """What was published of the jobs that were looked at; `last` of them, if more follow."""

    looked_at: int
    made: int  # ends that nobody had been told of
    again: int  # ends that are told once more
    last: uuid.UUID | None


def publish(
    database: Database,
    query: JobQuery,
    *,
    source: str | None = None,
    before: uuid.UUID | None,
    limit: int,
) -> Published:
    """Have the ends of the newest `limit` ended jobs told that are older than `before`.

    Of each with an address, its own or else its owner's, that is to be told of such an end; with a
    `source`, of those that came by it. One that was told is told again under its own id, one that
    still waits is left to. An end has one id, so that two who publish it at once make one row.
    """
    with database.begin() as session:
        found, last = find_many(session, query.only(*TERMINAL_STATUSES), before=before, limit=limit)
        told = insert(Notification).from_select(NAMES, _ends(found, source))
        told = told.on_conflict_do_update(
            index_elements=["id"], set_=AGAIN, where=Notification.next_attempt_at.is_(None)
        )
        is_made = literal_column("notifications.xmax = 0", Boolean)
        rows = session.scalars(told.returning(is_made)).all()
    return Published(len(found), made=rows.count(True), again=rows.count(False), last=last)


def _ends(job_ids: Sequence[uuid.UUID], source: str | None) -> Select[Any]:
    """The notifications of these jobs' ends, of those that want them told.

    The jobs are locked, in their order: of one that is being deleted nobody is to be told.
    """
    url = func.coalesce(Job.webhook, Owner.webhook)
    events = func.coalesce(Job.webhook_events, Owner.webhook_events)
    ended_at = func.coalesce(Job.completed_at, Job.created_at)
    wanted = (
        select(Job.id, Job.owner_id, Job.status, url.label("url"), ended_at.label("at"))
        .join(Owner, Owner.id == Job.owner_id)
        .where(Job.id.in_(job_ids), Job.deleted_at.is_(None))
        .where(among(Job.status, *TERMINAL_STATUSES))
        .where(url.is_not(None), events.contains(func.to_jsonb(Job.status)))
        .order_by(Job.id)
        .with_for_update(read=True, of=Job)
    )
    if source is not None:
        wanted = wanted.where(Job.source == source)
    end, known = wanted.cte("ended"), aliased(Notification, name="known")
    id_ = EVENT_ID.format(job_id="ended.id", event="ended.status", at="ended.at")
    # An earlier version gave ids by chance.
    same = and_(known.job_id == end.c.id, known.event == end.c.status, known.at == end.c.at)
    return select(
        func.coalesce(known.id, literal_column(id_)),
        *(end.c.id, end.c.owner_id, end.c.status, end.c.url, end.c.at),
    ).outerjoin_from(end, known, same)
