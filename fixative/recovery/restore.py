"""Bringing a job back: its rows made again from what was written of them outside the database."""

import uuid
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Column, DateTime, Table, Uuid, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DataError, IntegrityError, ProgrammingError
from sqlalchemy.orm import Session

from fixative.errors import Conflict, Corrupt
from fixative.media.manifest import FORMAT
from fixative.postgres.media_tables import File, Media
from fixative.postgres.tables import ApiKey, Attempt, Batch, Job, Owner, Transition

Values = dict[Any, Any]

PARTS = (("attempts", Attempt), ("media", Media), ("files", File), ("transitions", Transition))


def restore(session: Session, manifest: Any, *, source: str) -> bool:
    """Make the rows of one manifest again; False if the job is there already, or its tombstone is.

    `source` (bucket, records) is written down as the origin of every field. Nothing is to be
    recorded of it. One that had not ended comes back as it was, in the queue by its age: `recover`
    finds out what became of it. Its owner is made if absent, under its id. An idempotency key that
    was used again meanwhile stays with the later job.

    Raises Corrupt for what is no manifest of ours, and Conflict where its rows do not go together
    with what is there, as when a prediction of it was taken for a stranger's. The transaction is
    then to be rolled back.
    """
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise Corrupt("not a manifest of this format")
    try:
        job = row_values(Job, manifest["job"])
        owner_id = job["owner_id"]
        rows = [
            (table, [row_values(table, row) for row in manifest[name]]) for name, table in PARTS
        ]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise Corrupt(f"a manifest that cannot be read: {error!r}") from error
    job |= {
        "provenance": provenance_of(manifest, source),
        "acceptance_recorded_at": func.now(),
        "fair_at": job.get("created_at"),
    }
    try:
        keep_owner(session, owner_id)
        return _write(session, job, rows)
    except IntegrityError as error:
        raise Conflict(str(error.orig).splitlines()[0]) from error
    except (DataError, ProgrammingError) as error:
        raise Corrupt(str(error.orig).splitlines()[0]) from error
    except UnicodeEncodeError as error:
        raise Corrupt("half of a surrogate pair, which is no text") from error


def provenance_of(manifest: Values, source: str) -> Values:
    """From where each field of a restored job came, and each kind of its other rows."""
    told = (name for name in manifest["job"] if name != "provenance")
    return dict.fromkeys((*told, *(name for name, _ in PARTS)), source)


def leave_lost_keys(session: Session, jobs: Sequence[Values]) -> None:
    """Have no job name an API key that is not there: it came back with no copy of the keys."""
    named = {uuid.UUID(str(key)) for job in jobs if (key := job.get("api_key_id"))}
    known = set(session.scalars(select(ApiKey.id).where(ApiKey.id.in_(named)))) if named else named
    for job in jobs:
        if (key := job.get("api_key_id")) and uuid.UUID(str(key)) not in known:
            job["api_key_id"] = None


def keep_owner(session: Session, owner_id: uuid.UUID) -> None:
    """Have an owner of this id: one of whom nothing else is known is named by it."""
    unknown = insert(Owner).values(id=owner_id, name=str(owner_id))
    session.execute(unknown.on_conflict_do_nothing())


def keep_batches(session: Session, jobs: Iterable[Values]) -> None:
    """Have the batches that these jobs are of: what else was known of one is lost."""
    now = datetime.now(UTC)
    rows = dict[str, Values]()
    for job in jobs:
        if id_ := job.get("batch_id"):
            made_at = job.get("created_at") or now
            rows[str(id_)] = {"id": id_, "owner_id": job["owner_id"], "created_at": made_at}
    if rows:  # in order, as another process does it: so that neither waits for the other
        unknown = insert(Batch).on_conflict_do_nothing()
        session.execute(unknown, [rows[id_] for id_ in sorted(rows)])


def row_values(mapped: type[Any], row: dict[str, Any]) -> Values:
    """The row's values as their columns take them; what we have no column for is left out.

    Transitions are numbered by this database, in their order.
    """
    table: Table = mapped.__table__
    columns = {column.name: column for column in table.columns}
    if mapped is Transition:
        columns.pop("id")
    return {name: _read(columns[name], value) for name, value in row.items() if name in columns}


def _write(session: Session, job: Values, rows: list[tuple[type[Any], list[Values]]]) -> bool:
    key = job.get("idempotency_key")
    of_another = (Job.owner_id == job["owner_id"], Job.idempotency_key == key, Job.id != job["id"])
    if key is not None and session.scalar(select(Job.id).where(*of_another)) is not None:
        job = {**job, "idempotency_key": None}
    leave_lost_keys(session, [job])
    made = insert(Job).values(job).on_conflict_do_nothing(index_elements=["id"])
    if session.scalar(made.returning(Job.id)) is None:
        return False
    keep_batches(session, [job])
    for table, values in rows:
        if values:
            session.connection().execute(insert(table.__table__), values)
    return True


def _read(column: Column[Any], value: Any) -> Any:
    if value is None:
        return None
    if isinstance(column.type, Uuid):
        return uuid.UUID(value)
    return datetime.fromisoformat(value) if isinstance(column.type, DateTime) else value
