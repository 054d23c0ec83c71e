"""Budgets and the ledger, copied to the bucket, so that a rebuilt database knows what was spent.

Of the ledger each UTC day has a file of its own, whose lines only ever grow in number.
"""

import gzip
import io
import json
import uuid
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import Date, cast, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DataError, IntegrityError, ProgrammingError
from sqlalchemy.orm import Session

from fixative.access.budgets import Holder, recount
from fixative.errors import Corrupt, NotFound
from fixative.media.bucket import Bucket
from fixative.media.keys import Keys
from fixative.postgres.base import first_id
from fixative.postgres.engine import Database
from fixative.postgres.money_tables import Budget, LedgerEntry, SpendDay
from fixative.postgres.tables import Attempt
from fixative.recovery.rebuild_report import Report
from fixative.recovery.restore import keep_owners
from fixative.recovery.restore_rows import Row, inserts

BUDGETS = "budgets.json"
LEDGER = "ledger/"
SUFFIX = ".jsonl.gz"


def export_money(database: Database, bucket: Bucket, keys: Keys) -> None:
    """Copy budgets, and the entries of the ledger since the last copied day, where they changed.

    An entry that the bucket has and the database lost stays in the copy. Safe twice, and by many.
    Raises BucketError or DatabaseAway.
    """
    with database.begin() as session:
        budgets = [_row(row) for row in session.scalars(select(Budget).order_by(Budget.holder))]
    _put(bucket, keys.config(BUDGETS), json.dumps(budgets, indent=1).encode())
    with database.begin() as session:
        ids = select(LedgerEntry.id).limit(1)
        first = session.scalar(ids.order_by(LedgerEntry.id))
        last = session.scalar(ids.order_by(LedgerEntry.id.desc()))
    if first is None or last is None:
        return
    day = max([_day_of(first), *_copied_days(bucket, keys)])
    while day <= _day_of(last):
        _export_day(database, bucket, keys, day)
        day += timedelta(days=1)


def restore_money(database: Database, bucket: Bucket, keys: Keys, report: Report) -> None:
    """Bring back the ledger's entries, and budgets. What is there stays.

    Raises BucketError or DatabaseAway.
    """
    for day in _copied_days(bucket, keys):
        key = _key_of(keys, day)
        _bring(database, report, key, LedgerEntry, partial(_lines, bucket, key))
    key = keys.config(BUDGETS)
    _bring(database, report, key, Budget, lambda: json.loads(bucket.read(key)))


def count_again(database: Database, today: date) -> None:
    """Have the balances of all budgets, and what each day has cost, follow from what is there."""
    with database.begin() as session:
        for budget in session.scalars(select(Budget).where(Budget.owner_id.is_not(None))):
            assert budget.owner_id is not None  # noqa: S101 - asked for above
            recount(session, Holder(budget.owner_id, budget.api_key_id), budget.period, today)
        day = cast(func.timezone("UTC", Attempt.created_at), Date)
        costs = select(day, func.sum(Attempt.counted)).where(Attempt.counted.is_not(None))
        row = insert(SpendDay).from_select(["day", "amount"], costs.group_by(day))
        counted = {"amount": row.excluded.amount}
        session.execute(row.on_conflict_do_update(index_elements=["day"], set_=counted))


def _export_day(database: Database, bucket: Bucket, keys: Keys, day: date) -> None:
    since, until = _first_id_of(day), _first_id_of(day + timedelta(days=1))
    entries = select(LedgerEntry).where(LedgerEntry.id >= since, LedgerEntry.id < until)
    with database.begin() as session:
        rows = [_row(row) for row in session.scalars(entries)]
    key = _key_of(keys, day)
    known = {row["id"]: row for row in (*_lines(bucket, key), *rows)}
    lines = "".join(f"{json.dumps(known[id_])}\n" for id_ in sorted(known))
    _put(bucket, key, gzip.compress(lines.encode(), mtime=0))


def _bring(
    database: Database,
    report: Report,
    key: str,
    mapped: type[Budget | LedgerEntry],
    read: Callable[[], Iterable[Row]],
) -> None:
    name = mapped.__tablename__
    try:
        rows = list(read())
        with database.begin() as session:
            report.brought_back[name] += _insert(session, mapped, rows)
    except NotFound:
        return
    except (IntegrityError, DataError, ProgrammingError) as error:
        report.problem(f"{name}: refused", key, str(error.orig).splitlines()[0])
    except (Corrupt, AttributeError, KeyError, TypeError, ValueError) as error:
        report.problem(f"{name}: unreadable", key, repr(error))


def _insert(session: Session, mapped: type[Budget | LedgerEntry], rows: list[Row]) -> int:
    keep_owners(session, {uuid.UUID(row["owner_id"]) for row in rows if row["owner_id"]})
    made = 0
    for statement, values in inserts(mapped, rows):
        unless_there = statement.on_conflict_do_nothing().returning(mapped)
        made += len(session.execute(unless_there, values).all())
    return made


def _copied_days(bucket: Bucket, keys: Keys) -> list[date]:
    names = (listed.key.rpartition("/")[2] for listed in bucket.listing(keys.config(LEDGER)))
    return sorted(date.fromisoformat(name.removesuffix(SUFFIX)) for name in names)


def _lines(bucket: Bucket, key: str) -> list[Row]:
    """The entries in a copy, if there is one. Raises Corrupt for what is none."""
    try:
        text = gzip.decompress(bucket.read(key))
        return [json.loads(line) for line in text.splitlines()]
    except NotFound:
        return []
    except (OSError, EOFError, ValueError) as error:
        raise Corrupt(f"a copy that cannot be read: {error!r}") from error


def _put(bucket: Bucket, key: str, written: bytes) -> None:
    try:
        if bucket.read(key) == written:
            return
    except NotFound:
        pass
    bucket.put(key, io.BytesIO(written), "application/octet-stream")


def _key_of(keys: Keys, day: date) -> str:
    return keys.config(f"{LEDGER}{day.isoformat()}{SUFFIX}")


def _first_id_of(day: date) -> uuid.UUID:
    return first_id(datetime(day.year, day.month, day.day, tzinfo=UTC))


def _day_of(id_: uuid.UUID) -> date:
    return datetime.fromtimestamp((id_.int >> 80) / 1000, UTC).date()


def _row(row: Budget | LedgerEntry) -> Row:
    return {column.name: _plain(getattr(row, column.name)) for column in row.__table__.columns}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime | date):
        return value.isoformat()
    return value if value is None else str(value)
