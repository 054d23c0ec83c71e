"""Statements of every job's way: SQLAlchemy makes their SQL once, and psycopg runs it.

SQLAlchemy takes two to four times as long as psycopg to run one, and a job's way has some thirty.
"""

from collections import namedtuple
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import psycopg
from sqlalchemy import ColumnElement, CursorResult, Executable
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, class_mapper

from fixative.postgres.base import Table

Found = TypeVar("Found")
Reader = Callable[[Sequence[Any]], Any]


def whole(*mapped: type[Table]) -> list[ColumnElement[Any]]:
    """The columns of these, for a statement that is to find snapshots of their rows."""
    return [column for each in mapped for column in _columns(each).values()]


@dataclass(frozen=True)
class _Sent:
    """What SQLAlchemy has psycopg run."""

    sql: str
    constants: Mapping[str, Any]
    puts: Mapping[str, Callable[[Any], Any] | None]  # what psycopg needs of a value; None: itself
    read: Reader | None  # None: it finds nothing

    def told(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """All that psycopg is given with the SQL."""
        told = dict(self.constants)
        for name, put in self.puts.items():
            told[name] = values[name] if put is None else put(values[name])
        return told

    def found(self, rows: Iterable[Sequence[Any]]) -> list[Any]:
        """What the rows are read as."""
        return [] if self.read is None else list(map(self.read, rows))


class Prepared(Generic[Found]):
    """A statement that is run often.

    What it finds is named tuples; or snapshots of the rows of `mapped`, whose columns it is of, as
    `whole` has them. No session knows of a snapshot: what is set in it is never written, and what
    is read later does not change it.
    """

    def __init__(self, statement: Executable, *mapped: type[Table]) -> None:
        self._statement = statement
        self._mapped = mapped
        self._sent: _Sent | None = None

    @property
    def is_sent(self) -> bool:
        """Whether it was run before, so that psycopg can run it without SQLAlchemy."""
        return self._sent is not None

    def all(self, session: Session, **values: Any) -> list[Found]:
        """Run it in the session's transaction with these values: what it finds.

        Each run has to give the same names. Raises what SQLAlchemy does.
        """
        connection = session.connection()
        if self._sent is None:
            result = connection.execute(self._statement, values)
            rows: Iterable[Sequence[Any]] = result.all() if result.returns_rows else ()
            self._sent = self._as_sent(result, values)
            return self._sent.found(rows)
        driver: Any = connection.connection.driver_connection
        try:
            return self.run(driver, values)
        except DBAPIError as error:
            if error.connection_invalidated:
                connection.invalidate(error)
            raise

    def first(self, session: Session, **values: Any) -> Found | None:
        """The first of these; None if there is none."""
        found = self.all(session, **values)
        return found[0] if found else None

    def run(self, driver: psycopg.Connection[Any], values: Mapping[str, Any]) -> list[Found]:
        """The same on a connection of psycopg's; only of one that `is_sent`."""
        assert self._sent is not None  # noqa: S101 - said above
        told = self._sent.told(values)
        try:
            cursor = driver.execute(self._sent.sql, told)
            return self._sent.found(cursor.fetchall() if self._sent.read else ())
        except psycopg.Error as error:
            raise DBAPIError.instance(
                self._sent.sql,
                None,
                error,
                psycopg.Error,
                hide_parameters=True,
                connection_invalidated=driver.closed,
            ) from error

    def _as_sent(self, result: CursorResult[Any], values: Mapping[str, Any]) -> _Sent:
        context: Any = result.context
        binds, dialect = context.compiled.binds, context.dialect
        types = {name: binds[name].type.dialect_impl(dialect) for name in values}
        return _Sent(
            sql=context.statement,
            constants={n: v for n, v in context.parameters[0].items() if n not in values},
            puts={name: type_.bind_processor(dialect) for name, type_ in types.items()},
            read=self._reader(result),
        )

    def _reader(self, result: CursorResult[Any]) -> Reader | None:
        if not result.returns_rows:
            return None
        return _as_snapshots(self._mapped) if self._mapped else _as_named(list(result.keys()))


def _as_named(names: Sequence[str]) -> Reader:
    # Of names that are known when it runs, which typing's has no way for.
    row: Any = namedtuple("Row", " ".join(names), rename=True)  # type: ignore[misc] # noqa: PYI024
    make: Reader = row._make
    return make


def _as_snapshots(mapped: Sequence[type[Table]]) -> Reader:
    """What makes one of each mapped class of a row, and leaves what else is in it as it is."""
    parts = list[tuple[Any, list[str], slice]]()
    start = 0
    for each in mapped:
        keys = list(_columns(each))
        parts.append((class_mapper(each).class_manager, keys, slice(start, start + len(keys))))
        start += len(keys)

    def read(row: Sequence[Any]) -> Any:
        found = []
        for manager, keys, its in parts:
            snapshot = manager.new_instance()
            snapshot.__dict__.update(zip(keys, row[its], strict=True))
            found.append(snapshot)
        return (*found, *row[start:]) if len(found) > 1 or len(row) > start else found[0]

    return read


def _columns(mapped: type[Table]) -> dict[str, ColumnElement[Any]]:
    """A mapped class's columns by what its attributes are called."""
    return {each.key: each.columns[0] for each in class_mapper(mapped).column_attrs}
