"""Taking many requests in at once: one statement for their rows, as if they had come one by one."""

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import JSON, Text, cast, column, func, insert, literal, literal_column, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session, load_only
from uuid_utils.compat import uuid7

from fixative.catalog.terms import Terms
from fixative.jobs.accept import JobRequest, asked_for, events_of, fair_at
from fixative.jobs.billing import OF_JOB, reserve_for
from fixative.postgres.tables import Job, Owner, Transition

LONG_AGO = timedelta(minutes=1)  # no hint is under way: admission need not wait for it


@dataclass(frozen=True)
class NewJob:
    """A request as it will be sent, on what terms; and as its caller put it, under which key."""

    request: JobRequest
    terms: Terms
    asked: JobRequest
    idempotency_key: str | None


def accept_many(
    session: Session,
    new: Sequence[NewJob],
    owner_id: uuid.UUID,
    *,
    api_key_id: uuid.UUID | None,
    batch_id: uuid.UUID,
) -> list[uuid.UUID | None]:
    """Jobs in `queued`, all of this batch; their ids, None where the key was used meanwhile.

    `batch_id` is new. No hints are needed: admission takes them in their turn. Raises OverBudget
    when what they may cost together is not left; then nothing may be committed.
    """
    if not new:
        return []
    common = {Job.owner_id: owner_id, Job.api_key_id: api_key_id, Job.batch_id: batch_id}
    rows = [
        {str(attribute.expression.name): value for attribute, value in (common | row).items()}
        for row in _rows(session, new, owner_id)
    ]
    names, columns = list(rows[0]), Job.__table__.c
    written = cast(literal(orjson.dumps(rows, default=str).decode(), Text), JSON)
    told = func.json_populate_recordset(literal_column("NULL::jobs"), written).table_valued(
        *(column(name, columns[name].type) for name in names)
    )
    made = upsert(Job).from_select(names, select(*told.c)).on_conflict_do_nothing()
    ids = set(session.scalars(made.returning(Job.id)))
    move = select(Job.id, literal("api"), literal("queued"), Job.owner_id)
    of_move = ["job_id", "cause", "to_status", "stream"]
    of_all = move.where(Job.batch_id == batch_id)
    session.execute(insert(Transition).from_select(of_move, of_all))
    if ids:
        reserve_for(session, _priced(session, batch_id))
    return [row["id"] if row["id"] in ids else None for row in rows]


def _rows(session: Session, new: Sequence[NewJob], owner_id: uuid.UUID) -> Iterator[dict[Any, Any]]:
    """What each row has of its own; places in the queue follow each other."""
    owner, now = session.execute(select(Owner, func.now()).where(Owner.id == owner_id)).one()
    priorities = {job.request.priority for job in new}
    free = dict(zip(priorities, _places(session, owner_id, priorities), strict=True))
    for job in new:
        request = job.request
        yield {
            Job.id: uuid7(),
            Job.idempotency_key: job.idempotency_key,
            Job.request_hash: job.asked.digest,
            **asked_for(request, job.terms),
            Job.webhook: request.webhook or owner.webhook,
            Job.webhook_events: events_of(request) or owner.webhook_events,
            Job.deadline: request.cancel_after and now + timedelta(seconds=request.cancel_after),
            Job.fair_at: free[request.priority],
            Job.hinted_at: now - LONG_AGO,
        }
        free[request.priority] += timedelta(seconds=1 / owner.weight)


def _priced(session: Session, batch_id: uuid.UUID) -> Sequence[Job]:
    """What the ledger has to know of the jobs, and no more: their inputs may be large."""
    wanted = load_only(*OF_JOB, raiseload=True)
    return session.scalars(select(Job).where(Job.batch_id == batch_id).options(wanted)).all()


def _places(session: Session, owner_id: uuid.UUID, priorities: set[str]) -> Sequence[datetime]:
    return session.execute(select(*(fair_at(owner_id, each) for each in priorities))).one()
