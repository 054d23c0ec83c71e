"""What Postgres itself counts: the rows that a call's transactions looked at, and whole tables."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import event
from sqlalchemy.orm import Session

HISTORY = (
    *("jobs", "attempts", "transitions", "deliveries", "media", "files", "notifications"),
    *("ledger", "dead_letters", "batches"),
)  # the tables that grow with every job, for good
COUNTS = """
    SELECT relname, coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0), seq_scan
    FROM pg_stat_xact_user_tables
"""


@dataclass
class RowsRead:
    """Of history alone: rows that were looked at, and the tables that were read from end to end."""

    rows: Counter[str] = field(default_factory=Counter)
    scanned: set[str] = field(default_factory=set)

    def as_json(self) -> dict[str, Any]:
        """The same, in all."""
        return {"rows": self.rows.total(), "scanned": sorted(self.scanned)}

    def begun(self, session: Session, _: Any, connection: Any) -> None:
        """A transaction begins."""
        session.info["read"] = _counts(connection)

    def ending(self, session: Session) -> None:
        """A transaction is about to end."""
        before = session.info["read"]
        for table, (rows, scans) in _counts(session.connection()).items():
            rows_before, scans_before = before.get(table, (0, 0))
            self.rows[table] += rows - rows_before
            if scans > scans_before:
                self.scanned.add(table)


@contextmanager
def rows_read() -> Iterator[RowsRead]:
    """Count what this process's transactions read from here on. It takes its own time."""
    found = RowsRead()
    event.listen(Session, "after_begin", found.begun)
    event.listen(Session, "before_commit", found.ending)
    try:
        yield found
    finally:
        event.remove(Session, "after_begin", found.begun)
        event.remove(Session, "before_commit", found.ending)


def _counts(connection: Any) -> dict[str, tuple[int, int]]:
    counted = connection.exec_driver_sql(COUNTS)
    return {table: (rows, scans) for table, rows, scans in counted if table in HISTORY}
