"""Bringing a job back: its rows made again from what was written of them outside the database."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import Column, DateTime, Table, Uuid
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from fixative.errors import Corrupt
from fixative.media.manifest import FORMAT
from fixative.postgres.media_tables import File, Media
from fixative.postgres.tables import Attempt, Job, Owner, Transition


def restore(session: Session, manifest: Any, *, source: str) -> bool:
    """Make the rows of one manifest again; False if the job is there already, or its tombstone is.

    `source` (bucket, records) is written down as the origin of every field. A job that had not
    ended comes back as it was, with nothing due: `recover` finds out what became of it. Its owner
    is made if absent, under its id. Raises Corrupt, nothing being written, for what is no manifest
    of ours.
    """
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise Corrupt("not a manifest of this format")
    try:
        job = row_values(Job, manifest["job"])
        rows = {
            table: [row_values(table, row) for row in manifest[name]]
            for name, table in (
                ("attempts", Attempt),
                ("media", Media),
                ("files", File),
                ("transitions", Transition),
            )
        }
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise Corrupt(f"a manifest that cannot be read: {error}") from error
    owner = {"id": job["owner_id"], "name": str(job["owner_id"])}
    session.execute(insert(Owner).values(owner).on_conflict_do_nothing())
    job["provenance"] = dict.fromkeys((*manifest["job"], "attempts", "media"), source)
    made = insert(Job).values(job).on_conflict_do_nothing().returning(Job.id)
    if session.scalar(made) is None:
        return False
    for table, values in rows.items():
        if values:
            session.execute(insert(table).values(values).on_conflict_do_nothing())
    return True


def row_values(mapped: type[Any], row: dict[str, Any]) -> dict[Any, Any]:
    """The row's values as their columns take them; what we have no column for is left out.

    Transitions are numbered by this database, in their order.
    """
    table: Table = mapped.__table__
    columns = {column.name: column for column in table.columns}
    if mapped is Transition:
        columns.pop("id")
    return {name: _read(columns[name], value) for name, value in row.items() if name in columns}


def _read(column: Column[Any], value: Any) -> Any:
    if value is None:
        return None
    if isinstance(column.type, Uuid):
        return uuid.UUID(value)
    return datetime.fromisoformat(value) if isinstance(column.type, DateTime) else value
