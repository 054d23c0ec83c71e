"""A request on its way in: known already, or made ready, answered from the cache, or accepted."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

from sqlalchemy.orm import Session

from fixative.catalog.catalog import Catalog
from fixative.catalog.terms import Terms
from fixative.jobs.accept import (
    UNTYPED,
    Accepted,
    JobRequest,
    accept,
    find_first,
    find_repeated,
    is_known,
)
from fixative.jobs.cached import find_cached
from fixative.jobs.counted import count_accepted
from fixative.postgres.engine import Database, once_committed
from fixative.telemetry.metrics import CACHE_HITS, CACHE_LOOKUPS


@contextmanager
def take_in(
    database: Database,
    catalog: Catalog,
    asked: JobRequest,
    owner_id: uuid.UUID,
    *,
    api_key_id: uuid.UUID | None,
    idempotency_key: str | None,
    cache: bool,
    is_repeat: bool,
) -> Iterator[tuple[Session, Accepted]]:
    """The job that a request gets, in the transaction that makes it.

    A known key's job is that whatever became of its model; so is, of a request without a key whose
    client says that it repeats it, the job of the last minute that was asked for in the same words.
    No connection is held while Replicate is asked about the model. Raises Conflict, NotFound,
    InvalidRequest, InvalidInput or OverBudget.
    """
    began = datetime.now(UTC)
    if is_repeat if idempotency_key is None else is_known(database, owner_id, idempotency_key):
        with database.begin() as session:
            if idempotency_key is not None:
                first = find_first(session, asked, owner_id, idempotency_key)
            else:
                first = find_repeated(session, asked, owner_id, api_key_id)
            if first is not None:
                yield session, first
                return
    request, terms = prepared(catalog, asked)
    with database.begin() as session:
        keys = [terms.cache_key] if cache and terms.cache_key else []
        CACHE_LOOKUPS.inc(len(keys))
        earlier = find_cached(session, owner_id, keys).get(terms.cache_key)
        if earlier is not None:
            CACHE_HITS.inc()
            yield session, Accepted(earlier, replayed=False, cached=True)
            return
        accepted = accept(
            session,
            request,
            owner_id,
            asked=asked,
            terms=terms,
            api_key_id=api_key_id,
            idempotency_key=idempotency_key,
        )
        if accepted.is_new:
            job = accepted.job
            once_committed(session, partial(count_accepted, job.id, job, began))
        yield session, accepted


def prepared(catalog: Catalog, asked: JobRequest) -> tuple[JobRequest, Terms]:
    """The request as it will be sent, its input checked, and on what terms it is taken.

    Raises NotFound, InvalidRequest or InvalidInput.
    """
    ready = catalog.prepare(asked.model, asked.version, asked.deployment, asked.input)
    kind = ready.kind if asked.job_type == UNTYPED else None
    request = replace(
        asked,
        model=ready.model,
        version=ready.version,
        deployment=ready.deployment,
        input=ready.input,
        job_type=kind or asked.job_type,
    )
    return request, ready.terms
