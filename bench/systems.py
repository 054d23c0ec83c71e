"""The systems that are compared: what each of them runs, and how a job is handed to it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import psycopg

from bench.stage import Stage
from fixative.local.program import Program
from fixative.local.roles import programs_of
from fixative.names import QUEUES_OF_ROLE
from fixative.postgres.migrate import upgrade

ROOT = Path(__file__).parent.parent
PEERS = Path(__file__).parent / "peers"
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
    upgrade(_sqlalchemy(url))
    environ = {**stage.system.environ, "DATABASE_URL": url}
    return Contestant(
        name="fixative",
        programs=lambda: programs_of(replace(stage.system, environ=environ)),
        database_url=url,
        port=stage.system.ports["api"],
        headers={"Authorization": f"Bearer {environ['FIXATIVE_ADMIN_KEY']}"},
        body={"model": MODEL, "input": {"bytes": BYTES}},
    )


def celery_peer(stage: Stage, name: str) -> Contestant:
    """Celery written by hand, by our own command lines: the app and the queues are exchanged."""
    url = stage.new_database(f"bench_{name}")
    with psycopg.connect(url) as connection:
        connection.execute((PEERS / f"{name}.sql").read_text())
    environ = {
        **stage.system.environ,
        "DATABASE_URL": _sqlalchemy(url),
        "REDIS_URL": f"{stage.system.environ['REDIS_URL'].rpartition('/')[0]}/1",
    }
    exchanged = {
        "api.wsgi:app": f"bench.peers.{name}:api",
        "worker.app": f"bench.peers.{name}:celery",
        ",".join(QUEUES_OF_ROLE["worker-io"]): "create",
        ",".join(QUEUES_OF_ROLE["worker-store"]): "complete",
    }

    def like(program: Program) -> Program:
        return replace(
            program,
            argv=[exchanged.get(argument, argument) for argument in program.argv],
            answers=program.answers if program.role == "api" else lambda: True,
            environ=environ,
            directory=ROOT,
        )

    roles = {"api", "worker-io", "worker-store"}
    return Contestant(
        name=name,
        programs=lambda: [like(p) for p in programs_of(stage.system) if p.role in roles],
        database_url=url,
        port=stage.system.ports["api"],
        headers={},
        body={"input": {"bytes": BYTES}},
    )


# The pipeline written by hand, from the least to the most that one does for it.
PIPELINES: dict[str, Callable[[Stage], Contestant]] = {
    "bare": partial(celery_peer, name="bare"),
    "careful": partial(celery_peer, name="careful"),
}


def _sqlalchemy(url: str) -> str:
    return url.replace("postgresql://", "postgresql+psycopg://")
