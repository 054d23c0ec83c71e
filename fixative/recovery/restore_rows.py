"""Rows as a manifest has them, put into their table: one statement for many."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

from sqlalchemy import Table, Text, bindparam, cast, column, func, select
from sqlalchemy.dialects.postgresql import JSON, Insert, insert

from fixative.media.manifest import OF_THE_MOMENT
from fixative.recovery.json_text import json_text

Row = dict[str, Any]

OF_A_RESTORED_JOB = frozenset(("acceptance_recorded_at", "derive_due_at", "fair_at"))


def inserts(mapped: type[Any], rows: Iterable[Row]) -> Iterator[tuple[Insert, dict[str, str]]]:
    """The statements that put these rows into a table, each with its parameters.

    One for all rows of the same columns: those written by another version may lack some, which
    then have their defaults. What we have no column for is left out, as is what is of the moment.
    """
    table: Table = mapped.__table__
    written = _written(table)
    alike = defaultdict[tuple[str, ...], list[Row]](list)
    for row in rows:
        alike[tuple(name for name in written if name in row)].append(row)
    for names, same in alike.items():
        texts = [name for name in names if written[name]]
        yield _insert(table, names), {"rows": json_text([_plain(row, texts) for row in same])}


def _plain(row: Row, texts: Iterable[str]) -> Row:
    """JSON travels as text, since it is kept as it was written: it may spell a NUL."""
    return {**row, **{name: json_text(row[name]) for name in texts if row[name] is not None}}


@cache
def _written(table: Table) -> dict[str, bool]:
    """The names of the columns that are written, and whether each holds JSON.

    Transitions are numbered by this database, in their order.
    """
    return {
        c.name: isinstance(c.type, JSON)
        for c in table.columns
        if c.name not in OF_THE_MOMENT - OF_A_RESTORED_JOB and c.autoincrement is not True
    }


@cache
def _insert(table: Table, names: tuple[str, ...]) -> Insert:
    """The rows travel as one JSON text, which Postgres takes apart."""
    is_json = _written(table)
    types = {name: Text() if is_json[name] else table.c[name].type for name in names}
    told = (
        func.json_to_recordset(cast(bindparam("rows", type_=Text), JSON))
        .table_valued(*(column(name, types[name]) for name in names))
        .render_derived(name="told", with_types=True)
    )
    values = (
        cast(told.c[name], table.c[name].type) if is_json[name] else told.c[name] for name in names
    )
    return insert(table).from_select(list(names), select(*values))
