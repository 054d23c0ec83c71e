"""Many who wait, and what everybody else feels of them."""

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from functools import partial
from http.client import HTTPConnection
from itertools import count
from statistics import quantiles
from typing import Any

from standardwebhooks import Webhook

from bench.harness import Comparison, Measure, Sample, compare
from bench.processes import peak_megabytes
from bench.stage import Stage, open_stage
from bench.systems import Contestant, fixative

ROLE = "api"
CYCLES = 150
WARM_UP = 30
JSON = {"Content-Type": "application/json"}
WAIT = {"Prefer": "wait=60"}  # a turn takes less
KINDS = ("submit", "webhook", "health")
MEASURES = (
    *(Measure(f"{kind} p{n}", "ms", "lower") for kind in KINDS for n in (50, 95)),
    Measure("memory rise", "MB", "lower"),
)

numbers = count()


def run(watchers: int, rounds: int) -> Comparison:
    """Submits, webhooks and health with many streams and waits open, and with none: ms, memory."""
    with open_stage() as stage:
        system = fixative(stage)
        secret = stage.webhook_secret()
        turns = {
            "watched": partial(_turn, stage, system, secret, watchers),
            "unwatched": partial(_turn, stage, system, secret, 0),
        }
        sizes = {"watchers": watchers, "rounds": rounds, "cycles": CYCLES}
        return compare(turns, MEASURES, rounds=rounds, settings=sizes)


def _turn(stage: Stage, system: Contestant, secret: str, watchers: int) -> Sample:
    """Nobody works on the jobs: what is measured is the API alone."""
    with stage.running(p for p in system.programs() if p.role == ROLE) as pids:
        _cycles(system, secret, WARM_UP)
        before = peak_megabytes(pids)[ROLE]
        with _watching(system, watchers):
            taken = _cycles(system, secret, CYCLES)
        return {**_percentiles(taken), "memory rise": peak_megabytes(pids)[ROLE] - before}


@contextmanager
def _watching(system: Contestant, watchers: int) -> Iterator[None]:
    """Of three, one follows everybody's jobs, one follows a job, and one waits for it.

    Nobody reads what they are told: it is little, and lies in their sockets.
    """
    with ExitStack() as open_:
        for number in range(watchers):
            with _connected(system) as connection:
                job = json.loads(_submit(system, connection))["id"]
            path = ("/events", f"/jobs/{job}/events", f"/jobs/{job}")[number % 3]
            while True:
                connection = HTTPConnection("127.0.0.1", system.port, timeout=30)
                open_.callback(connection.close)
                connection.request("GET", path, headers={**system.headers, **WAIT})
                # A wait is not answered yet; a stream is 503 where its process has no place left.
                if number % 3 == 2 or connection.getresponse().status == 200:
                    break
        yield


def _cycles(system: Contestant, secret: str, cycles: int) -> dict[str, list[float]]:
    """How long each kind of request took, in milliseconds, one after another."""
    asks = {"submit": partial(_submit, system), "webhook": partial(_webhook, secret)}
    asks["health"] = partial(_ask, method="GET", path="/healthz", status=200)
    taken: dict[str, list[float]] = {kind: [] for kind in asks}
    with _connected(system) as connection:
        for _ in range(cycles):
            for kind, ask in asks.items():
                began = time.perf_counter()
                ask(connection)
                taken[kind].append(1000 * (time.perf_counter() - began))
    return taken


def _connected(system: Contestant) -> closing[HTTPConnection]:
    return closing(HTTPConnection("127.0.0.1", system.port, timeout=30))


def _submit(system: Contestant, connection: HTTPConnection) -> bytes:
    body, headers = json.dumps(system.body), {**JSON, **system.headers}
    return _ask(connection, method="POST", path="/jobs", status=202, body=body, headers=headers)


def _webhook(secret: str, connection: HTTPConnection) -> bytes:
    number, now = next(numbers), datetime.now(UTC)
    told = {"id": f"p{number}", "status": "succeeded", "created_at": now.isoformat()}
    name, body = f"msg_{number}", json.dumps(told)
    headers = {
        **JSON,
        "webhook-id": name,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret).sign(name, now, body),
    }
    path = "/webhook/replicate"
    return _ask(connection, method="POST", path=path, status=200, body=body, headers=headers)


def _ask(connection: HTTPConnection, *, method: str, path: str, status: int, **more: Any) -> bytes:
    connection.request(method, path, **more)
    answer = connection.getresponse()
    text = answer.read()
    if answer.status != status:
        raise RuntimeError(f"{method} {path} was answered {answer.status}: {text[:500]!r}")
    return text


def _percentiles(taken: dict[str, list[float]]) -> Sample:
    cuts = {kind: quantiles(each, n=20, method="inclusive") for kind, each in taken.items()}
    return {f"{kind} p{n}": cuts[kind][n // 5 - 1] for kind in cuts for n in (50, 95)}
