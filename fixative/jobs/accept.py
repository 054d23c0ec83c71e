"""Taking a request in: one row, one transition, one commit, and a hint."""

import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import orjson
from sqlalchemy import Interval, bindparam, func, insert, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from fixative.catalog.terms import NO_TERMS, Terms
from fixative.errors import Conflict
from fixative.jobs.billing import reserve_for
from fixative.jobs.telling import told_of
from fixative.names import CREATE_PREDICTION, Hint
from fixative.postgres.base import among, first_id
from fixative.postgres.engine import Database
from fixative.postgres.prepared import Prepared, whole
from fixative.postgres.tables import Job, Owner, Transition

ACCEPTED_HERE = ("api", "v1")  # sources; a job of another was accepted somewhere else
PRIORITY_SHIFT = {
    "high": timedelta(minutes=-1),
    "normal": timedelta(0),
    "low": timedelta(minutes=1),
}


UNTYPED = "other"
REPEATED_WITHIN = timedelta(minutes=1)
LATER = ("webhook", "webhook_events", "cancel_after", "webhook_format")


FIRST = Prepared[Job](
    select(*whole(Job)).where(
        Job.owner_id == bindparam("its_owner"), Job.idempotency_key == bindparam("its_key")
    ),
    Job,
)


@dataclass(frozen=True)
class JobRequest:
    """What somebody asks for: exactly one target, and its input."""

    input: dict[str, Any]
    model: str | None = None
    version: str | None = None
    deployment: str | None = None
    job_type: str = UNTYPED
    metadata: dict[str, Any] | None = None
    label: str | None = None
    priority: str = "normal"
    webhook: str | None = None
    webhook_events: list[str] | None = None
    cancel_after: int | None = None  # seconds, from its acceptance on
    source: str = "api"
    webhook_format: str | None = None  # None: ours

    @property
    def digest(self) -> str:
        """The same for two requests that ask for the same, however their keys are ordered."""
        asked = {
            name: value
            for name, value in vars(self).items()
            # Of a request from before there were these, the digest stays what it was.
            if name != "source" and (value is not None or name not in LATER)
        }
        return sha256(orjson.dumps(asked, option=orjson.OPT_SORT_KEYS)).hexdigest()


@dataclass(frozen=True)
class Accepted:
    """The job of a request, and the hints to send once its row is committed."""

    job: Job
    replayed: bool  # it was there under the request's key
    cached: bool = False  # it was there, and has the answer
    hints: list[Hint] = field(default_factory=list)

    @property
    def is_new(self) -> bool:
        """Whether the request made it."""
        return not (self.replayed or self.cached)


def is_known(database: Database, owner_id: uuid.UUID, idempotency_key: str) -> bool:
    """Whether an owner's key stands for a job already: mostly not, and that is to cost little."""
    return bool(database.alone(FIRST, its_owner=owner_id, its_key=idempotency_key))


def find_first(
    session: Session, asked: JobRequest, owner_id: uuid.UUID, idempotency_key: str | None
) -> Accepted | None:
    """The job that this key already stands for. Raises Conflict when that asked for something else.

    Asked before a request is checked: whatever is known of its model by now, it is that job.
    """
    if idempotency_key is None:
        return None
    first = FIRST.first(session, its_owner=owner_id, its_key=idempotency_key)
    if first is None:
        return None
    if first.request_hash != asked.digest:
        raise Conflict("this Idempotency-Key was used for another request")
    return Accepted(first, replayed=True)


def find_repeated(
    session: Session, asked: JobRequest, owner_id: uuid.UUID, api_key_id: uuid.UUID | None
) -> Accepted | None:
    """The newest job of the last minute that this key asked for in the same words."""
    found = session.scalars(
        select(Job)
        .where(
            Job.owner_id == owner_id,
            Job.id >= first_id(datetime.now(UTC) - REPEATED_WITHIN),
            Job.request_hash == asked.digest,
            Job.api_key_id.is_not_distinct_from(api_key_id),
        )
        .order_by(Job.id.desc())
        .limit(1)
    ).one_or_none()
    return None if found is None else Accepted(found, replayed=True)


def accept(
    session: Session,
    request: JobRequest,
    owner_id: uuid.UUID,
    *,
    asked: JobRequest | None = None,
    terms: Terms = NO_TERMS,
    api_key_id: uuid.UUID | None = None,
    idempotency_key: str | None = None,
) -> Accepted:
    """A new job in `queued`; or, under a key already used for the same request, that first job.

    `asked` is the request as its caller put it, where that is not what will be sent: a key stands
    for the former. Raises Conflict when the key was used for another request, and OverBudget when
    what it may cost is not left.
    """
    asked = asked or request
    job_id = uuid7()
    told = {
        Job.id: job_id,
        Job.owner_id: owner_id,
        Job.api_key_id: api_key_id,
        Job.idempotency_key: idempotency_key,
        Job.request_hash: asked.digest,
        **asked_for(request, terms),
        Job.webhook: request.webhook,
        Job.webhook_events: events_of(request),
    }
    shift = {"shift": PRIORITY_SHIFT[request.priority]}
    job = NEW.first(session, **{_new(c): v for c, v in told.items()}, **shift)
    if job is None:
        first = find_first(session, asked, owner_id, idempotency_key)
        assert first is not None  # noqa: S101 - nothing else conflicts
        return first
    ACCEPTED.all(session, job_id=job_id, cause="api", to_status="queued", stream=owner_id)
    reserve_for(session, [job])
    return Accepted(job, replayed=False, hints=[Hint(CREATE_PREDICTION, {"job_id": str(job_id)})])


def asked_for(request: JobRequest, terms: Terms) -> dict[Any, Any]:
    """What a new job's row says of the request itself, by its columns."""
    return {
        Job.status: "queued",
        Job.source: request.source,
        Job.webhook_format: request.webhook_format,
        Job.job_type: request.job_type,
        Job.model: request.model,
        Job.version: request.version,
        Job.deployment: request.deployment,
        Job.input: request.input,
        Job.metadata_: request.metadata,
        Job.label: request.label,
        Job.priority: request.priority,
        Job.cancel_after: request.cancel_after,
        Job.max_seconds: terms.max_seconds,
        Job.cache_key: terms.cache_key,
        Job.max_cost: terms.max_cost,
        Job.price: terms.price and terms.price.model_dump(mode="json", exclude_none=True),
    }


def events_of(request: JobRequest) -> list[str] | None:
    """What is told of the job; None: at the owner's own webhook, as said of the owner."""
    own = request.webhook or request.webhook_events
    return told_of(request.webhook_events) if own else None


def fair_at(owner_id: uuid.UUID, priority: str) -> Any:
    """Behind the owner's own queue, so that nobody's burst stands before another's first job.

    Owners are served in the order of this virtual time: a weight of 2 halves the distance.
    """
    return _place(owner_id, priority, PRIORITY_SHIFT[priority])


def _place(owner_id: Any, priority: Any, shift: Any) -> Any:
    last = (
        select(func.max(Job.fair_at))
        .where(Job.owner_id == owner_id, among(Job.status, "queued"), Job.priority == priority)
        .scalar_subquery()
    )
    step = (
        select(func.make_interval(0, 0, 0, 0, 0, 0, 1 / Owner.weight))
        .where(Owner.id == owner_id)
        .scalar_subquery()
    )
    return func.greatest(func.now() + shift, last) + step


def _new(column: Any) -> str:
    """What a new row's value is called among the statement's parameters."""
    return f"new_{column.key}"


def _insert() -> Prepared[Job]:
    """The statement that makes a job."""
    told = (
        *(Job.id, Job.owner_id, Job.api_key_id, Job.idempotency_key, Job.request_hash),
        *asked_for(JobRequest(input={}), NO_TERMS),
    )
    values: dict[Any, Any] = {column: bindparam(_new(column), type_=column.type) for column in told}
    owner_id, priority = values[Job.owner_id], values[Job.priority]
    for column, of_owner in (
        (Job.webhook, Owner.webhook),
        (Job.webhook_events, Owner.webhook_events),
    ):
        its_own = bindparam(_new(column), type_=column.type)
        default = select(of_owner).where(Owner.id == owner_id).scalar_subquery()
        values[column] = func.coalesce(its_own, default)
    in_all = func.make_interval(0, 0, 0, 0, 0, 0, values[Job.cancel_after])
    values[Job.deadline] = func.now() + in_all
    values[Job.fair_at] = _place(owner_id, priority, bindparam("shift", type_=Interval))
    made = upsert(Job).values(values).on_conflict_do_nothing().returning(*whole(Job))
    return Prepared(made, Job)


NEW = _insert()
ACCEPTED = Prepared[Any](insert(Transition).inline())  # its number is not asked for
