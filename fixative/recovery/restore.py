"""Bringing jobs back: their rows made again from what was written of them outside the database."""

import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from operator import itemgetter
from typing import Any

from sqlalchemy import delete, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DataError, IntegrityError, ProgrammingError
from sqlalchemy.orm import Session

from fixative.errors import Conflict, Corrupt
from fixative.jobs.billing import settle
from fixative.jobs.delete import bury_jobs
from fixative.jobs.job_query import HISTORY
from fixative.jobs.store import move
from fixative.media.derive import derivable
from fixative.media.manifest import PARTS
from fixative.postgres.tables import ApiKey, Attempt, Batch, Job, Owner
from fixative.recovery.restore_rows import Row, inserts

Manifest = Mapping[str, Any]


def restore(session: Session, manifests: Sequence[Manifest], *, source: str) -> set[uuid.UUID]:
    """Make the rows of these manifests again, each of another job; the ids of the jobs made.

    All must have passed `check_rows`. A job that is there already, or its tombstone, stays as it
    is. `source` (bucket, records) is written down as the origin of every field. Nothing is to be
    recorded of what comes back; what is derived from its media is due where that is missing. One
    that had not ended comes back as it was, in the queue by its age: `recover` finds out what
    became of it. What the ledger lacks of their money is entered. Owners are made if absent, under
    their ids. An idempotency key that was used again meanwhile stays with the later job. What
    history made of their predictions gives way.

    Raises Conflict where a row does not go together with what is there, as when another job has its
    prediction, and Corrupt for what no row can hold. The transaction is then to be rolled back.
    """
    try:
        return _restore(session, manifests, source)
    except IntegrityError as error:
        why = str(error.orig).splitlines()[0]
        raise Conflict(f"it does not go together with what is there: {why}") from error
    except (DataError, ProgrammingError) as error:
        raise Corrupt(str(error.orig).splitlines()[0]) from error
    except (RecursionError, UnicodeEncodeError) as error:  # too deep; half of a surrogate pair
        raise Corrupt(f"no row can hold it: {error}") from error


def keep_owners(session: Session, owner_ids: Iterable[uuid.UUID]) -> None:
    """Have owners of these ids: one of whom nothing else is known is named by it."""
    # In order, as another process does it: so that neither waits for the other.
    rows = [{"id": id_, "name": str(id_)} for id_ in sorted(owner_ids)]
    if rows:
        session.execute(insert(Owner).on_conflict_do_nothing(), rows)


def keep_batches(session: Session, jobs: Iterable[Row]) -> None:
    """Have the batches that these jobs are of: what else was known of one is lost."""
    rows = dict[str, Row]()
    for job in jobs:
        if id_ := job.get("batch_id"):
            made_at = job.get("created_at") or datetime.now(UTC)
            rows[id_] = {"id": id_, "owner_id": job["owner_id"], "created_at": made_at}
    if rows:  # in order, as above
        unknown = insert(Batch).on_conflict_do_nothing()
        session.execute(unknown, [rows[id_] for id_ in sorted(rows)])


def give_way(
    session: Session, job_ids: Collection[uuid.UUID], prediction_ids: Iterable[str]
) -> None:
    """Delete what history made of the predictions of these jobs, not knowing whose they are.

    The tombstones name no prediction, so that none of them ever buries the job that has it.
    """
    theirs = select(Attempt.job_id).where(Attempt.prediction_id.in_(list(prediction_ids)))
    of_history = (Job.id.in_(theirs), Job.id.not_in(job_ids), Job.source == HISTORY)
    strangers = list(session.scalars(select(Job.id).where(*of_history)))
    if not strangers:
        return
    session.execute(delete(Attempt).where(Attempt.job_id.in_(strangers)))
    for job_id in strangers:
        move(session, job_id, "canceled", cause="rebuild", detail="its prediction is another job's")
    bury_jobs(session, Job.id.in_(strangers))


def _restore(session: Session, manifests: Sequence[Manifest], source: str) -> set[uuid.UUID]:
    keep_owners(session, {uuid.UUID(manifest["job"]["owner_id"]) for manifest in manifests})
    jobs = sorted((_job(manifest, source) for manifest in manifests), key=itemgetter("id"))
    _leave_used_keys(session, jobs)
    _leave_lost_keys(session, jobs)
    made = set[uuid.UUID]()
    for statement, values in inserts(Job, jobs):
        unless_there = statement.on_conflict_do_nothing(index_elements=["id"])
        made |= set(session.scalars(unless_there.returning(Job.id), values))
    told = [manifest for manifest in manifests if uuid.UUID(manifest["job"]["id"]) in made]
    keep_batches(session, (manifest["job"] for manifest in told))
    attempts = (row for manifest in told for row in manifest["attempts"])
    give_way(session, made, filter(None, (row.get("prediction_id") for row in attempts)))
    for part, mapped in PARTS.items():
        rows = [row for each in told for row in each.get(part, ())]
        for statement, values in inserts(mapped, rows):
            session.execute(statement, values)
    for manifest in told:
        if manifest["job"].get("price") is not None:
            settle(session, uuid.UUID(manifest["job"]["id"]))
    return made


def _job(manifest: Manifest, source: str) -> Row:
    """The job's row, with what no manifest tells."""
    row, now = manifest["job"], datetime.now(UTC).isoformat()
    told = (name for name in row if name != "provenance")
    return {
        **row,
        "provenance": dict.fromkeys((*told, *PARTS), source),
        "acceptance_recorded_at": now,
        "derive_due_at": now if _is_underived(manifest) else None,
        "fair_at": row.get("created_at"),
    }


def _is_underived(manifest: Manifest) -> bool:
    """Whether it was written after the job's end and before what is derived from its media."""
    newest = manifest["job"].get("attempt_id")
    return any(
        row.get("details") is None
        and row.get("derive_error") is None
        and row["attempt_id"] == newest
        and derivable(row["role"], row["kind"], row["content_type"])
        for row in manifest["media"]
    )


def _leave_used_keys(session: Session, jobs: Iterable[Row]) -> None:
    """An idempotency key that was used again meanwhile stays with the later job."""
    asked = {(job["owner_id"], key): job for job in jobs if (key := job.get("idempotency_key"))}
    if not asked:
        return
    place = tuple_(Job.owner_id, Job.idempotency_key)
    used = select(Job.id, Job.owner_id, Job.idempotency_key).where(place.in_(asked))
    for job_id, owner_id, key in session.execute(used):
        job = asked[str(owner_id), key]
        if job["id"] != str(job_id):
            job["idempotency_key"] = None


def _leave_lost_keys(session: Session, jobs: Iterable[Row]) -> None:
    """Have no job name an API key that is not there: it came back with no copy of the keys."""
    named = {key for job in jobs if (key := job.get("api_key_id"))}
    known = select(ApiKey.id).where(ApiKey.id.in_(named))
    kept = {str(id_) for id_ in session.scalars(known)} if named else set[str]()
    for job in jobs:
        if job.get("api_key_id") not in kept:
            job["api_key_id"] = None
