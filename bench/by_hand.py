"""The pipelines written by hand: the same roles as ours, by as many processes and threads."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import psycopg

from bench.stage import Stage
from bench.systems import BYTES, ROOT, Contestant, sqlalchemy_url
from fixative.local.program import Program
from fixative.local.roles import programs_of
from fixative.names import QUEUES_OF_ROLE

PEERS = Path(__file__).parent / "peers"
QUEUES = {"worker-io": "create", "worker-store": "complete"}
Command = Callable[[Program], Sequence[str]]  # what takes the place of one of our programs


def by_hand(stage: Stage, name: str, *, command: Command, rows: str = "careful") -> Contestant:
    """A peer whose tables are those of peers/`rows`.sql; its messages have a Redis of their own."""
    url = stage.new_database(f"bench_{name}")
    with psycopg.connect(url) as connection:
        connection.execute((PEERS / f"{rows}.sql").read_text())
    environ = {
        **stage.system.environ,
        "DATABASE_URL": sqlalchemy_url(url),
        "REDIS_URL": f"{stage.system.environ['REDIS_URL'].rpartition('/')[0]}/{_number(name)}",
    }

    def like(program: Program) -> Program:
        return replace(
            program,
            argv=command(program),
            answers=program.answers if program.role == "api" else lambda: True,
            environ=environ,
            directory=ROOT,
        )

    roles = {"api", *QUEUES}
    return Contestant(
        name=name,
        programs=lambda: [like(p) for p in programs_of(stage.system) if p.role in roles],
        database_url=url,
        port=stage.system.ports["api"],
        headers={},
        body={"input": {"bytes": BYTES}},
    )


def _number(name: str) -> int:
    """Of its database in Redis: brokers of different make use the same keys differently."""
    return 1 + list(PIPELINES).index(name)


def _celery(program: Program, *, module: str) -> list[str]:
    """Our own command lines: the app and the queues are exchanged."""
    exchanged = {
        "api.wsgi:app": f"bench.peers.{module}:api",
        "worker.app": f"bench.peers.{module}:celery",
        **{",".join(QUEUES_OF_ROLE[role]): queue for role, queue in QUEUES.items()},
    }
    return [exchanged.get(argument, argument) for argument in program.argv]


def _dramatiq(program: Program) -> list[str]:
    """The API under our gunicorn; a worker has one process and as many threads as ours."""
    module = "bench.peers.dramatiq_peer"
    if program.role == "api":
        return _celery(program, module="dramatiq_peer")
    command = [sys.executable, "-m", "dramatiq", f"{module}:broker", "--processes", "1"]
    threads = _value(program, "--concurrency")
    return [*command, "--threads", threads, "--queues", QUEUES[program.role]]


def _asyncio(program: Program) -> list[str]:
    """As many processes as ours; a worker has as many tasks at once as ours has threads."""
    module = "bench.peers.asyncio_peer"
    if program.role == "api":
        host, _, port = _value(program, "--bind").partition(":")
        command = [sys.executable, "-m", "uvicorn", f"{module}:api", "--log-level", "warning"]
        return [*command, "--host", host, "--port", port, "--workers", _value(program, "--workers")]
    queue = f"{module}:{QUEUES[program.role]}_queue"
    command = [sys.executable, "-m", "taskiq", "worker", queue, "--workers", "1"]
    command += ["--ack-type", "when_executed", "--log-level", "WARNING"]
    return [*command, "--max-async-tasks", _value(program, "--concurrency")]


def _value(program: Program, option: str) -> str:
    return program.argv[list(program.argv).index(option) + 1]


# From the least to the most that is done for it.
PIPELINES: dict[str, Callable[[Stage], Contestant]] = {
    "bare": partial(by_hand, name="bare", command=partial(_celery, module="bare"), rows="bare"),
    "careful": partial(by_hand, name="careful", command=partial(_celery, module="careful")),
    "dramatiq": partial(by_hand, name="dramatiq", command=_dramatiq),
    "asyncio": partial(by_hand, name="asyncio", command=_asyncio),
}
