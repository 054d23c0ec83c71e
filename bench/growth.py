"""`python -m bench.growth DATABASE_URL`: what a history weighs, and what a thousand of it would.

The database holds a history of a million (bench/history.py). What is measured there grows with the
jobs: rows, and the entries of indexes. What else a longer history changes is an index's depth.
"""

import math
import sys
from collections.abc import Iterable
from dataclasses import dataclass

import psycopg

PAGE = 8192
SIZES = (10_000_000, 100_000_000, 1_000_000_000)
RATES = (1, 10, 100, 1_000)  # jobs a second
YEAR = 365 * 86_400
RELATIONS = """
    SELECT tables.relname, relation.relname, relation.relkind = 'i', relation.reltuples,
        CASE WHEN relation.relkind = 'i' THEN pg_relation_size(relation.oid)
            ELSE pg_table_size(relation.oid) END
    FROM pg_class AS relation
    LEFT JOIN pg_index ON pg_index.indexrelid = relation.oid
    JOIN pg_class AS tables ON tables.oid = coalesce(pg_index.indrelid, relation.oid)
    WHERE relation.relnamespace = 'public'::regnamespace AND relation.relkind IN ('r', 'i')
"""
# What stays of a job whose retention is over: its row, its attempts and its moves, emptied.
TOMBSTONE = """
    SELECT sum(of_job + of_attempts + of_moves) / count(*) FROM (
        SELECT pg_column_size(jobs.*) + {row} AS of_job,
            (SELECT coalesce(sum(pg_column_size(attempts.*) + {row}), 0)
                FROM attempts WHERE job_id = jobs.id) AS of_attempts,
            (SELECT coalesce(sum(pg_column_size(transitions.*) + {row}), 0)
                FROM transitions WHERE job_id = jobs.id) AS of_moves
        FROM jobs WHERE deleted_at IS NOT NULL LIMIT 2000
    ) AS tombstones
"""
ROW = 4  # its pointer in the page
TOMBSTONES_INDEXES = ("pk_jobs", "ix_jobs_owner_page", "ix_jobs_model", "ix_jobs_type")
TOMBSTONES_TABLES = ("attempts", "transitions")


@dataclass(frozen=True)
class Relation:
    """A table or an index, of so many jobs."""

    table: str
    name: str
    is_index: bool
    entries: float
    size: int

    def depth(self, times: float) -> int:
        """Pages that a look-up in a B-tree of so many times the entries reads, its leaf too."""
        a_page = self.entries / max(self.size / PAGE, 1)
        leaves = times * self.size / PAGE
        return 1 + max(0, math.ceil(math.log(leaves, a_page))) if leaves > 1 else 1


def main(database_url: str) -> None:
    """Measure, and tell it as tables of Markdown."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        [jobs] = connection.execute("SELECT count(*) FROM jobs").fetchone() or (0,)
        found = [Relation(*row) for row in connection.execute(RELATIONS)]
        [heap] = connection.execute(TOMBSTONE.format(row=ROW)).fetchone() or (0,)
    whole = sum(relation.size for relation in found) / jobs
    tombstone = float(heap) + sum(r.size for r in found if _of_tombstones(r)) / jobs
    print(f"{jobs:,} jobs measured; bytes a job: {whole:,.0f}, of a tombstone {tombstone:,.0f}\n")
    _table(("table", "rows a job", "bytes a job", "indexes"), _tables(found, jobs))
    depths = [r for r in found if r.name in {"pk_jobs", "ix_jobs_model", "ix_transitions_job"}]
    _table(
        (
            "of jobs",
            "disk",
            "of it indexes",
            "were all tombstones",
            *(f"pages of {r.name}" for r in depths),
        ),
        (
            (
                f"{size:,}",
                _gigabytes(size * whole),
                _gigabytes(size * sum(r.size for r in found if r.is_index) / jobs),
                _gigabytes(size * tombstone),
                *(r.depth(size / jobs) for r in depths),
            )
            for size in SIZES
        ),
    )
    _table(
        ("jobs a second", "of a year", "disk a year", "to a billion"),
        (
            (
                rate,
                f"{rate * YEAR:,}",
                _gigabytes(rate * YEAR * whole),
                f"{1e9 / (rate * YEAR):.1f} years",
            )
            for rate in RATES
        ),
    )


def _of_tombstones(relation: Relation) -> bool:
    return relation.is_index and (
        relation.name in TOMBSTONES_INDEXES or relation.table in TOMBSTONES_TABLES
    )


def _tables(found: list[Relation], jobs: int) -> Iterable[tuple[object, ...]]:
    heaps = sorted((r for r in found if not r.is_index), key=lambda r: -r.size)
    for heap in heaps:
        indexes = sum(r.size for r in found if r.is_index and r.table == heap.name)
        if heap.size + indexes > jobs:  # a byte a job
            rows = f"{heap.entries / jobs:.2f}"
            yield heap.name, rows, f"{heap.size / jobs:,.0f}", f"{indexes / jobs:,.0f}"


def _gigabytes(size: float) -> str:
    return f"{size / 1e9:,.0f} GB"


def _table(names: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
    head = list(names)
    for row in (head, ["---"] * len(head), *rows):
        print("| " + " | ".join(map(str, row)) + " |")
    print()


if __name__ == "__main__":
    main(sys.argv[1])
