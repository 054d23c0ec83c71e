"""Owners and keys, copied to the bucket, so that a rebuilt database knows them by their ids.

Of a key its HMAC is copied, as the database has it; the pepper is in neither.
"""

import io
import json
import uuid
from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import DateTime, Uuid, delete, exists, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DataError, IntegrityError, ProgrammingError
from sqlalchemy.orm import Session
from sqlalchemy.types import TypeEngine

from fixative.errors import Corrupt, NotFound
from fixative.media.bucket import Bucket
from fixative.media.keys import Keys
from fixative.postgres.base import Table
from fixative.postgres.engine import Database
from fixative.postgres.media_tables import File
from fixative.postgres.operation_tables import Pause
from fixative.postgres.tables import ApiKey, Job, Owner
from fixative.recovery.rebuild_report import Report
from fixative.recovery.restore import keep_owners
from fixative.telemetry.alarms import alarm

FORMAT = 1
PASSING = {"last_used_at"}  # changes by the minute, and with it the copy would
ROTATION = ("webhook_generation", "webhook_rotated_at")

Values = dict[str, Any]

COPIES: tuple[tuple[str, type[Owner | ApiKey]], ...] = (("owners", Owner), ("keys", ApiKey))


def export_access(database: Database, bucket: Bucket, keys: Keys) -> None:
    """Copy owners and keys to the bucket, where they have changed. Safe twice, and by many.

    Neither is ever deleted, nor is a revoked key open again, nor a rotated secret as before. So a
    copy that knows more than the database is kept, and alarmed: the database has lost it. Raises
    BucketError or DatabaseAway.
    """
    for name, table in COPIES:
        key = keys.config(f"{name}.json")
        with database.begin() as session:
            rows = [_row(row) for row in session.scalars(select(table).order_by(table.id))]
        written = json.dumps({"format": FORMAT, name: rows}, default=_plain, indent=1).encode()
        before = _content(bucket, key)
        if before == written:
            continue
        if lost := _told(before, name) - _told(written, name):
            then = "run `fixative rebuild`: the copy is kept as it is"
            alarm("access_lost", of=name, lost=len(lost), then=then)
            continue
        bucket.put(key, io.BytesIO(written), "application/json")


def restore_access(database: Database, bucket: Bucket, keys: Keys, report: Report) -> None:
    """Bring owners back under their ids, and keys, so that they open again.

    What is there stays, but a key that the copy says is revoked is, and an owner's secret is the
    newest that either knows. Raises BucketError or DatabaseAway.
    """
    for (name, table), bring in zip(COPIES, (_owner, _key), strict=True):
        key = keys.config(f"{name}.json")
        try:
            rows = _read(_content(bucket, key), name)
        except Corrupt as error:
            report.problem(f"{name}: unreadable", key, str(error))
            continue
        for row in rows:
            try:
                with database.begin() as session:
                    report.brought_back[name] += bring(session, _values(table, row))
            except (IntegrityError, DataError, ProgrammingError) as error:
                why = str(error.orig).splitlines()[0]
                report.problem(f"{name}: refused", str(row.get("id")), why)
            except (AttributeError, KeyError, TypeError, ValueError) as error:
                report.problem(f"{name}: unreadable", str(row.get("id")), repr(error))


def _owner(session: Session, values: Values) -> bool:
    """An owner of the same name who was made since, and has nothing yet, gives way."""
    owned = [exists().where(table.owner_id == Owner.id) for table in (Job, ApiKey, File, Pause)]
    newcomer = (Owner.name == values["name"], Owner.id != values["id"])
    session.execute(delete(Owner).where(*newcomer, *(~each for each in owned)))
    known_by_id_only = Owner.name == str(values["id"])
    row = insert(Owner).values(values)
    said = {name: value for name, value in values.items() if name not in ROTATION}
    row = row.on_conflict_do_update(index_elements=["id"], set_=said, where=known_by_id_only)
    known_anew = session.scalar(row.returning(Owner.id)) is not None
    return _rotate(session, values) or known_anew


def _rotate(session: Session, values: Values) -> bool:
    """Give the owner the later secret of the copy; whether it had an earlier one."""
    told = {name: values[name] for name in ROTATION if name in values}
    earlier = Owner.webhook_generation < told.get("webhook_generation", 0)
    rotated = update(Owner).where(Owner.id == values["id"], earlier).values(told)
    return session.scalar(rotated.returning(Owner.id)) is not None


def _key(session: Session, values: Values) -> bool:
    keep_owners(session, [values["owner_id"]])
    row = insert(ApiKey).values(values)
    told = row.excluded.revoked_at
    sooner = told.is_not(None) & (ApiKey.revoked_at.is_(None) | (told < ApiKey.revoked_at))
    row = row.on_conflict_do_update(index_elements=["id"], set_={"revoked_at": told}, where=sooner)
    return session.scalar(row.returning(ApiKey.id)) is not None


def _content(bucket: Bucket, key: str) -> bytes | None:
    try:
        return bucket.read(key)
    except NotFound:
        return None


def _read(content: bytes | None, name: str) -> list[dict[str, Any]]:
    if content is None:
        raise Corrupt("there is no copy of them")
    try:
        told = json.loads(content)
        rows: list[dict[str, Any]] = [dict(row) for row in told[name]]
    except (KeyError, TypeError, ValueError) as error:
        raise Corrupt(f"a copy that cannot be read: {error!r}") from error
    if told.get("format") != FORMAT:
        raise Corrupt("not a copy of this format")
    return rows


def _told(content: bytes | None, name: str) -> Counter[tuple[str, str]]:
    """What never ends to be true: ids, which are revoked, and how often each was rotated.

    Nothing of a copy that cannot be read, which is better written anew.
    """
    try:
        rows = _read(content, name)
    except Corrupt:
        return Counter()
    told = Counter[tuple[str, str]]()
    for row in rows:
        id_, generation = str(row.get("id")), row.get("webhook_generation")
        told[id_, "is"] = 1
        told[id_, "is revoked"] = int(bool(row.get("revoked_at")))
        told[id_, "was rotated"] = generation if isinstance(generation, int) else 0
    return told


def _row(row: Table) -> dict[str, Any]:
    names: Iterable[str] = row.__table__.columns.keys()
    return {name: getattr(row, name) for name in names if name not in PASSING}


def _values(table: type[Table], row: dict[str, Any]) -> Values:
    """The row as its table takes it; what we have no column for is left out."""
    columns = table.__table__.columns
    return {name: _value(columns[name].type, row[name]) for name in row if name in columns}


def _value(kind: TypeEngine[Any], value: Any) -> Any:
    if value is None:
        return None
    if isinstance(kind, Uuid):
        return uuid.UUID(value)
    return datetime.fromisoformat(value) if isinstance(kind, DateTime) else value


def _plain(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, uuid.UUID):
        return str(value)
    raise TypeError(f"a row holds a {type(value).__name__}")
