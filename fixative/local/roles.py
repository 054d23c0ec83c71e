"""The roles of the running system: for each its command, and how it says that it is ready."""

import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from http.client import HTTPConnection, HTTPException
from importlib.util import find_spec
from pathlib import Path

from fixative.local.data_dir import DataDir
from fixative.local.environment import METRICS
from fixative.local.errors import NotInstalled
from fixative.local.program import Program
from fixative.names import QUEUES_OF_ROLE

SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 (for heartbeat files without a name)

HEARD = "heard"  # where each worker tells that it hears
# Of who has files in hand: a caller and a webhook wait for the API, and nobody for these.
NICE = {"worker-store": 5, "worker-derive": 5}

# Who ends first: nobody is asked for work by somebody who is still there.
STOP_ORDER = (
    ("beat", "flower", "api"),
    ("worker-io", "worker-store", "worker-derive"),
)


@dataclass(frozen=True)
class System:
    """What the roles are made from."""

    data_dir: DataDir
    environ: Mapping[str, str]
    ports: Mapping[str, int]  # api, emulator, flower
    flower_password: str
    local_replicate: bool
    flower: bool

    def url(self, role: str) -> str:
        """Where this role answers HTTP."""
        return f"http://127.0.0.1:{self.ports[role]}"


def programs_of(system: System) -> list[Program]:
    """Everything of ours that runs once the servers answer, except the local Replicate."""
    system.data_dir.subdirectory(METRICS)
    programs = [
        _api(system),
        _worker(system, "worker-io", "threads", 32),
        _worker(system, "worker-store", "threads", 8),
        _worker(system, "worker-derive", "prefork", 2),
        _celery(system, "beat", ["beat"], stop_signal=signal.SIGKILL),
    ]
    return [*programs, _flower(system)] if system.flower else programs


def emulator(system: System) -> Program:
    """The local Replicate."""
    if not find_spec("aiohttp"):
        raise NotInstalled("aiohttp is not installed: pip install fixative[local]")
    port = system.ports["emulator"]
    return Program(
        role="emulator",
        argv=_python(
            "replicate_emulator",
            *("--host", "127.0.0.1", "--port", str(port)),
            *("--data-dir", str(system.data_dir.subdirectory("emulator"))),
        ),
        answers=partial(answers_http, port, "/_emulator/stats"),
        environ=system.environ,
        grace=2,
    )


def answers_http(port: int, path: str) -> bool:
    """Whether GET `path` is answered with 200."""
    connection = HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def _api(system: System) -> Program:
    port = system.ports["api"]
    return Program(
        role="api",
        argv=_python(
            "gunicorn",
            *("--bind", f"127.0.0.1:{port}"),
            *("--worker-class", "gthread", "--workers", "2", "--threads", "320"),
            *("--config", "python:api.serving"),  # waits and event streams end when it is to end
            *("--graceful-timeout", "4"),
            # A slow disk must not make a heartbeat late: gunicorn would kill the worker.
            *(("--worker-tmp-dir", str(SHARED_MEMORY)) if SHARED_MEMORY.is_dir() else ()),
            "--no-control-socket",
            "--preload",  # imported once; nothing is connected before the fork
            "api.wsgi:app",
        ),
        answers=partial(answers_http, port, "/healthz"),
        environ=system.environ,
        grace=5,
    )


def _worker(system: System, role: str, pool: str, concurrency: int) -> Program:
    arguments = [
        *("worker", "--pool", pool, "--concurrency", str(concurrency)),
        *("--queues", ",".join(QUEUES_OF_ROLE[role]), "--hostname", f"{role}@%h"),
        *("--without-gossip", "--without-mingle", "--loglevel", "WARNING"),
    ]
    heard = system.data_dir.subdirectory(HEARD) / role
    return _celery(system, role, arguments, more_environ={"FIXATIVE_HEARD_FILE": str(heard)})


def _flower(system: System) -> Program:
    port = system.ports["flower"]
    return _celery(
        system,
        "flower",
        ["flower", "--address=127.0.0.1", f"--port={port}", "--max-tasks=2000"],
        answers=partial(answers_http, port, "/healthcheck"),
        more_environ={"FLOWER_BASIC_AUTH": f"admin:{system.flower_password}"},
        stop_signal=signal.SIGKILL,
    )


def _celery(
    system: System,
    role: str,
    arguments: Sequence[str],
    *,
    answers: Callable[[], bool] | None = None,
    more_environ: Mapping[str, str] | None = None,
    stop_signal: signal.Signals = signal.SIGTERM,
) -> Program:
    """A Celery process; without `answers` it is ready when it has touched its ready file.

    One that keeps nothing needs no time to end: SIGKILL.
    """
    ready = system.data_dir.subdirectory("ready") / role
    ready.unlink(missing_ok=True)
    return Program(
        role=role,
        argv=_python("celery", "-A", "worker.app", *arguments),
        answers=answers or ready.exists,
        environ={**system.environ, "FIXATIVE_READY_FILE": str(ready), **(more_environ or {})},
        stop_signal=stop_signal,
        nice=NICE.get(role, 0),
    )


def _python(module: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", module, *arguments]
