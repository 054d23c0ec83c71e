"""Batches: many jobs of one request, taken in together or not at all."""

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from fixative.catalog.catalog import Catalog
from fixative.errors import Conflict, InvalidInput, InvalidRequest, Misfit, NotFound
from fixative.hosts import AllowedHosts
from fixative.jobs.accept import JobRequest
from fixative.jobs.accept_many import NewJob, accept_many
from fixative.jobs.cached import find_cached
from fixative.jobs.counted import count_accepted
from fixative.jobs.take_in import prepared
from fixative.jobs.telling import check_webhook
from fixative.names import ADMIT, Hint
from fixative.postgres.engine import Database, once_committed
from fixative.postgres.tables import Batch, Job
from fixative.telemetry.metrics import CACHE_HITS, CACHE_LOOKUPS

NAMESPACE = uuid.UUID("5e0a1d8c-7a2b-5c39-9d64-1f0b8e3c6a57")  # never to be changed
MOST_MISFITS = 100


@dataclass(frozen=True)
class Item:
    """One job of a batch as it is asked for."""

    request: JobRequest
    idempotency_key: str | None = None
    cache: bool = False


@dataclass(frozen=True)
class BatchRequest:
    """What somebody asks for: jobs, no key twice, and what they are called together."""

    items: Sequence[Item]
    label: str | None = None

    @property
    def digest(self) -> str:
        """The same for two batches that ask for the same in the same order."""
        items = (f"{item.request.digest} {item.idempotency_key}" for item in self.items)
        return sha256("\n".join((f"{self.label}", *items)).encode()).hexdigest()


@dataclass(frozen=True)
class Standing:
    """A job, and how it stands."""

    id: uuid.UUID
    status: str


@dataclass(frozen=True)
class AcceptedBatch:
    """The jobs of a request, in its order, and the hints to send once they are committed."""

    batch_id: uuid.UUID
    jobs: Sequence[Standing]
    replayed: bool = False  # it was there under the request's key
    hints: list[Hint] = field(default_factory=list)


def take_in_batch(
    database: Database,
    catalog: Catalog,
    webhook_hosts: AllowedHosts,
    asked: BatchRequest,
    owner_id: uuid.UUID,
    *,
    api_key_id: uuid.UUID | None,
    idempotency_key: str | None,
) -> AcceptedBatch:
    """All jobs of the request in one transaction; none when one of them cannot be taken in.

    A job whose own key is known is that first job, and one that the cache answers an earlier one:
    neither becomes part of the batch. The same `idempotency_key` and request give the first batch
    again, with those of its jobs that are still there. No connection is held while Replicate is
    asked about models. Raises Conflict when a key was used for another request, InvalidInput, which
    names what is at fault in each job, a hundred places at most, and OverBudget.
    """
    began = datetime.now(UTC)
    batch_id = uuid7() if idempotency_key is None else id_under(idempotency_key, owner_id)
    with database.begin() as session:
        first = _find_first(session, batch_id, asked, owner_id)
        if first is not None:
            return first
        known = _known(session, asked, owner_id)
    ready = _prepared(catalog, webhook_hosts, asked, known)
    with database.begin() as session:
        row = {"id": batch_id, "owner_id": owner_id, "label": asked.label}
        made = insert(Batch).values(**row, request_hash=asked.digest).on_conflict_do_nothing()
        if session.scalar(made.returning(Batch.id)) is None:
            first = _find_first(session, batch_id, asked, owner_id)
            assert first is not None  # noqa: S101 - the same request was quicker
            return first
        cached = _cached(session, asked, ready, owner_id)
        new = {n: job for n, job in ready.items() if n not in cached}
        ids = accept_many(
            session, list(new.values()), owner_id, api_key_id=api_key_id, batch_id=batch_id
        )
        if None in ids:  # others have used a key meanwhile
            known = _known(session, asked, owner_id)
        accepted = {n: Standing(id_, "queued") for n, id_ in zip(new, ids, strict=True) if id_}
        for n, job in accepted.items():
            once_committed(session, partial(count_accepted, job.id, new[n].request, began))
    CACHE_HITS.inc(len(cached))
    by_place = accepted | cached
    jobs = [
        by_place.get(n) or known[str(item.idempotency_key)] for n, item in enumerate(asked.items)
    ]
    return AcceptedBatch(batch_id, jobs, hints=[Hint(ADMIT)] if accepted else [])


def id_under(idempotency_key: str, owner_id: uuid.UUID) -> uuid.UUID:
    """The batch that a key of this owner's stands for: its jobs tell it even if its row is lost."""
    return uuid.uuid5(NAMESPACE, f"{owner_id} {idempotency_key}")


def _find_first(
    session: Session, batch_id: uuid.UUID, asked: BatchRequest, owner_id: uuid.UUID
) -> AcceptedBatch | None:
    """The batch, if it is there, with its jobs in the order that they were asked for."""
    batch = session.get(Batch, batch_id)
    if batch is None:
        return None
    if batch.request_hash not in (None, asked.digest):
        raise Conflict("this Idempotency-Key was used for another batch")
    known = _known(session, asked, owner_id)
    of_batch = (Job.batch_id == batch_id, Job.idempotency_key.is_(None), Job.deleted_at.is_(None))
    others = session.execute(select(Job.id, Job.status).where(*of_batch).order_by(Job.id))
    unnamed = (Standing(*row) for row in others)
    found = (
        next(unnamed, None) if item.idempotency_key is None else known.get(item.idempotency_key)
        for item in asked.items
    )
    return AcceptedBatch(batch_id, [job for job in found if job is not None], replayed=True)


def _known(session: Session, asked: BatchRequest, owner_id: uuid.UUID) -> dict[str, Standing]:
    """By their keys the jobs that are there already. Raises Conflict, which names the place."""
    places = {key: n for n, item in enumerate(asked.items) if (key := item.idempotency_key)}
    if not places:
        return {}
    named = (Job.owner_id == owner_id, Job.idempotency_key.in_(places))
    known = dict[str, Standing]()
    columns = (Job.idempotency_key, Job.request_hash, Job.id, Job.status)
    for key, request_hash, id_, status in session.execute(select(*columns).where(*named)):
        assert key is not None  # noqa: S101 - it is among those asked for
        if request_hash != asked.items[places[key]].request.digest:
            raise Conflict(f"jobs.{places[key]}.idempotency_key was used for another request")
        known[key] = Standing(id_, status)
    return known


def _prepared(
    catalog: Catalog, webhook_hosts: AllowedHosts, asked: BatchRequest, known: Collection[str]
) -> dict[int, NewJob]:
    """What is new of them, made ready, by its place. Raises InvalidInput where one is at fault."""
    ready, misfits = dict[int, NewJob](), list[Misfit]()
    for n, item in enumerate(asked.items):
        if item.idempotency_key in known:
            continue
        try:
            check_webhook(item.request.webhook, webhook_hosts)
            request, terms = prepared(catalog, item.request)
        except (InvalidInput, InvalidRequest, NotFound) as error:
            misfits += (replace(misfit, loc=("jobs", n, *misfit.loc)) for misfit in _named(error))
        else:
            ready[n] = NewJob(request, terms, item.request, item.idempotency_key)
    if misfits:
        raise InvalidInput(misfits[:MOST_MISFITS])
    return ready


def _named(error: InvalidInput | InvalidRequest | NotFound) -> Sequence[Misfit]:
    """The places of one job that are at fault."""
    if isinstance(error, InvalidInput):
        return error.misfits
    if isinstance(error, InvalidRequest):
        return [Misfit((error.field,), str(error), "invalid")]
    return [Misfit(("model",), str(error), "not_found")]


def _cached(
    session: Session, asked: BatchRequest, ready: Mapping[int, NewJob], owner_id: uuid.UUID
) -> dict[int, Standing]:
    """The earlier jobs that answer, by the place of what they answer."""
    keys = {n: job.terms.cache_key for n, job in ready.items() if asked.items[n].cache}
    asked_for = [key for key in keys.values() if key]
    CACHE_LOOKUPS.inc(len(asked_for))
    earlier = find_cached(session, owner_id, set(asked_for))
    return {n: Standing(earlier[k].id, earlier[k].status) for n, k in keys.items() if k in earlier}
