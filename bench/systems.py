"""A system that is compared: what it runs, and how a job is handed to it. And ourselves."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench.stage import Stage
from fixative.local.program import Program
from fixative.local.roles import programs_of
from fixative.postgres.migrate import upgrade

ROOT = Path(__file__).parent.parent
MODEL = "emulator/bytes"
BYTES = 100_000


@dataclass(frozen=True)
class Contestant:
    """One system. Its `jobs` table has `id`, `status` and `completed_at`."""

    name: str
    programs: Callable[[], Sequence[Program]]  # afresh for each start
    database_url: str
    port: int
    headers: Mapping[str, str]
    body: Mapping[str, Any]


def fixative(stage: Stage) -> Contestant:
    """Ourselves: every role of `fixative up` but Flower."""
    url = stage.new_database("bench_fixative")
    upgrade(sqlalchemy_url(url))
    environ = {**stage.system.environ, "DATABASE_URL": url}
    return Contestant(
        name="fixative",
        programs=lambda: programs_of(replace(stage.system, environ=environ)),
        database_url=url,
        port=stage.system.ports["api"],
        headers={"Authorization": f"Bearer {environ['FIXATIVE_ADMIN_KEY']}"},
        body={"model": MODEL, "input": {"bytes": BYTES}},
    )


def sqlalchemy_url(url: str) -> str:
    """The same database, as SQLAlchemy names it."""
    return url.replace("postgresql://", "postgresql+psycopg://")
