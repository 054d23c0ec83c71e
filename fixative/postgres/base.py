"""What all tables share: UTC instants, JSON types, names for constraints."""

import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any

from sqlalchemy import (
    ClauseElement,
    ColumnElement,
    Executable,
    MetaData,
    Numeric,
    Text,
    bindparam,
    text,
)
from sqlalchemy.dialects.postgresql import JSON, JSONB, TIMESTAMP
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import DeclarativeBase, InstrumentedAttribute, mapped_column
from sqlalchemy.sql.compiler import SQLCompiler

NOW = text("now()")
LATEST = 2**48 - 1  # the milliseconds since 1970 that an id has room for
TIMED = 7  # the version of the ids of all rows that are made here

# JSON as it was written: jsonb would sort the keys of a model's output, and refuse the NUL
# characters that a model may well produce.
Verbatim = Annotated[dict[str, Any], mapped_column(JSON(none_as_null=True))]


def one_of(column: str, values: tuple[str, ...]) -> str:
    """The SQL condition that a column has one of these values, for a check constraint."""
    return f"{column} IN ({', '.join(repr(value) for value in values)})"


def made_at(id_: uuid.UUID) -> datetime | None:
    """When an id of version 7 was made, to the millisecond, by its maker's clock; else None."""
    return datetime.fromtimestamp((id_.int >> 80) / 1000, UTC) if id_.version == TIMED else None


def first_id(at: datetime, shift: timedelta = timedelta(0)) -> uuid.UUID:
    """An id that is smaller than all of version 7 that are made from that instant on, shifted.

    Of an instant that no id can tell, the nearest that one can.
    """
    milliseconds = int(1000 * (at.timestamp() + shift.total_seconds()))
    return uuid.UUID(int=min(max(milliseconds, 0), LATEST) << 80)


def among(column: InstrumentedAttribute[Any], *values: str) -> ColumnElement[bool]:
    """The condition that a column has one of these values, as a partial index's own condition.

    They are written out in the SQL: a plan that is kept for any parameter uses no partial index.
    """
    return column.in_(bindparam(None, values, expanding=True, literal_execute=True))


def written_out(value: Any) -> Any:
    """A value that stands in the SQL itself: a plan for any would not know how few it means."""
    return bindparam(None, value, literal_execute=True)


class Explain(Executable, ClauseElement):
    """How Postgres would run a statement, as JSON; nothing is run."""

    inherit_cache = False

    def __init__(self, statement: ClauseElement) -> None:
        self.statement = statement


@compiles(Explain)
def _explain(element: Explain, compiler: SQLCompiler, **options: Any) -> str:
    return f"EXPLAIN (FORMAT JSON) {compiler.process(element.statement, **options)}"


class Table(DeclarativeBase):
    """Base of all tables: UTC instants, JSON as jsonb, named constraints."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy's own form
        datetime: TIMESTAMP(timezone=True),
        str: Text,
        Decimal: Numeric(20, 9),  # US dollars
        dict[str, Any]: JSONB(none_as_null=True),
        list[str]: JSONB(none_as_null=True),
        list[Any]: JSONB(none_as_null=True),
    }
