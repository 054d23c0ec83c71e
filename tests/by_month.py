"""Jobs partitioned by month, by the statements of deploy/postgres."""

from collections.abc import Iterator
from pathlib import Path

import psycopg

DEPLOY = Path(__file__).parents[1] / "deploy" / "postgres"
PARTS = ("jobs_by_month_1.sql", "jobs_by_month_2.sql", "jobs_by_month_3.sql")
AHEAD = "interval '2 months'"


def convert(database_url: str, *, at_once: bool = False) -> None:
    """Convert it. `at_once`, where no job is of this month: its jobs have their own partition."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        for part in PARTS:
            text = (DEPLOY / part).read_text()
            if at_once:
                text = text.replace(AHEAD, "interval '0 months'")
            for statement in _statements(text):
                connection.execute(statement)


def _statements(text: str) -> Iterator[str]:
    """One by one, as psql sends them: what is within $$ is one."""
    lines: list[str] = []
    inside = False
    for line in text.splitlines():
        inside ^= line.count("$$") % 2 == 1
        lines.append(line)
        if line.endswith(";") and not inside:
            yield "\n".join(lines)
            lines = []
