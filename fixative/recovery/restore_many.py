"""Many ended jobs brought back at once: one statement a table, and all of them or none."""

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from operator import itemgetter
from typing import Any

import orjson
from sqlalchemy import (
    JSON,
    Select,
    Table,
    Text,
    cast,
    column,
    func,
    literal,
    literal_column,
    select,
    tuple_,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from fixative.errors import Corrupt
from fixative.media.manifest import FORMAT, OF_THE_MOMENT
from fixative.postgres.tables import Job, Owner
from fixative.recovery.restore import PARTS, keep_batches, leave_lost_keys, provenance_of

Row = dict[str, Any]

OF_A_RESTORED_JOB = ("acceptance_recorded_at", "fair_at")


def restore_many(session: Session, manifests: Sequence[Row], *, source: str) -> set[uuid.UUID]:
    """Do as `restore` does for each of these; the ids of the jobs that were made.

    Of one job at most one manifest is given, and each is such as we write. Raises Corrupt for a
    manifest of another format, and what Postgres says where one row does not go together with what
    is there: the transaction is then to be rolled back, and each restored by itself.
    """
    if any(manifest["format"] != FORMAT for manifest in manifests):
        raise Corrupt("not a manifest of this format")
    # In order, as another process does it: so that neither waits for the other.
    owners = sorted({manifest["job"]["owner_id"] for manifest in manifests})
    unknown = insert(Owner).on_conflict_do_nothing()
    session.execute(unknown, [{"id": owner, "name": owner} for owner in owners])
    jobs = sorted((_job(manifest, source) for manifest in manifests), key=itemgetter("id"))
    _leave_used_keys(session, jobs)
    leave_lost_keys(session, jobs)
    made = insert(Job).from_select(*_from_json(Job, jobs))
    made = made.on_conflict_do_nothing(index_elements=["id"])
    ids = set(session.scalars(made.returning(Job.id)))
    keep_batches(session, [job for job in jobs if uuid.UUID(job["id"]) in ids])
    told = [manifest for manifest in manifests if uuid.UUID(manifest["job"]["id"]) in ids]
    for part, mapped in PARTS:
        rows = [row for manifest in told for row in manifest[part]]
        if rows:
            session.execute(insert(mapped).from_select(*_from_json(mapped, rows)))
    return ids


def _job(manifest: Row, source: str) -> Row:
    row = manifest["job"]
    now = datetime.now(UTC).isoformat()
    mended = {"acceptance_recorded_at": now, "fair_at": row["created_at"]}
    return {**row, **mended, "provenance": provenance_of(manifest, source)}


def _leave_used_keys(session: Session, jobs: list[Row]) -> None:
    """A key that was used again meanwhile stays with the later job."""
    asked = {(job["owner_id"], key): job for job in jobs if (key := job.get("idempotency_key"))}
    place = tuple_(Job.owner_id, Job.idempotency_key)
    used = session.execute(select(Job.owner_id, Job.idempotency_key).where(place.in_(asked)))
    for owner_id, key in used:
        asked[str(owner_id), key]["idempotency_key"] = None


def _from_json(mapped: type[Any], rows: list[Row]) -> tuple[list[str], Select[Any]]:
    """The columns that rows of a manifest have, and a query of them; an absent one is NULL.

    The rows travel as one JSON text, which Postgres takes apart: nothing here looks at a value.
    """
    table: Table = mapped.__table__
    columns = [
        column(c.name, c.type)
        for c in table.columns
        if (c.name not in OF_THE_MOMENT or c.name in OF_A_RESTORED_JOB)
        and c.autoincrement is not True
    ]
    text = cast(literal(orjson.dumps(rows).decode(), Text), JSON)
    told = func.json_populate_recordset(literal_column(f"NULL::{table.name}"), text)
    return [c.name for c in columns], select(*told.table_valued(*columns).c)
