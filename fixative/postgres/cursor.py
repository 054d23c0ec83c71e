"""Cursors that tell of a result what SQLAlchemy asks for, and no more."""

from typing import Any

import psycopg
from psycopg.pq import ExecStatus

REST = (None,) * 5  # of what PEP 249 has for a column: sizes, precision, whether it may be null


class PlainCursor(psycopg.Cursor[Any]):
    """A cursor whose columns are told by name and type.

    psycopg makes an object of each, that knows their sizes and how types are called; a job's way
    reads some eight hundred columns, and nobody looks.
    """

    @property
    def description(self) -> list[tuple[Any, ...]] | None:  # type: ignore[override]
        """The result's columns as PEP 249 has them; None where there are none."""
        result = self.pgresult
        if result is None or result.status != ExecStatus.TUPLES_OK:
            return None
        columns = range(result.nfields)
        return [((result.fname(n) or b"").decode(), result.ftype(n), *REST) for n in columns]
