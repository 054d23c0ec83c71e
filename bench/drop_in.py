"""A client's calls through us, beside the same calls to the local Replicate itself."""

import json
import time
from collections.abc import Mapping
from contextlib import closing
from functools import partial
from http.client import HTTPConnection
from statistics import quantiles
from typing import Any
from urllib.parse import urlsplit

from bench.harness import Comparison, Measure, Sample, compare
from bench.stage import Stage, open_stage
from bench.systems import Contestant, fixative

CREATE = "/v1/models/emulator/echo/predictions"
WARM_UP = 20
POLL_SECONDS = 0.05
KINDS = ("create", "get")
MEASURES = tuple(Measure(f"{kind} p{n}", "ms", "lower") for kind in KINDS for n in (50, 95))


def run(calls: int, rounds: int) -> Comparison:
    """Creating and reading a prediction through us, and at the local Replicate: ms."""
    with open_stage() as stage:
        system = fixative(stage)
        turns = {
            "fixative": partial(_through_us, stage, system, calls),
            "Replicate itself": partial(_directly, stage, calls),
        }
        return compare(turns, MEASURES, rounds=rounds, settings={"calls": calls, "rounds": rounds})


def _through_us(stage: Stage, system: Contestant, calls: int) -> Sample:
    with stage.running(system.programs()):
        return _taken(system.port, system.headers, calls)


def _directly(stage: Stage, calls: int) -> Sample:
    port = urlsplit(stage.system.url("emulator")).port or 0
    token = stage.system.environ["REPLICATE_API_TOKEN"]
    return _taken(port, {"Authorization": f"Bearer {token}"}, calls)


def _taken(port: int, headers: Mapping[str, str], calls: int) -> Sample:
    """Each prediction has ended before the next is made: nothing else is going on."""
    taken: dict[str, list[float]] = {kind: [] for kind in KINDS}
    with closing(HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        for number in range(WARM_UP + calls):
            body = json.dumps({"input": {"value": number}})
            began = time.perf_counter()
            made = _ask(connection, "POST", CREATE, headers, body)
            created = time.perf_counter()
            path = f"/v1/predictions/{made['id']}"
            _ask(connection, "GET", path, headers)
            read = time.perf_counter()
            while _ask(connection, "GET", path, headers)["status"] != "succeeded":
                time.sleep(POLL_SECONDS)
            if number >= WARM_UP:
                taken["create"].append(1000 * (created - began))
                taken["get"].append(1000 * (read - created))
    cuts = {kind: quantiles(each, n=20, method="inclusive") for kind, each in taken.items()}
    return {f"{kind} p{n}": cuts[kind][n // 5 - 1] for kind in KINDS for n in (50, 95)}


def _ask(
    connection: HTTPConnection,
    method: str,
    path: str,
    headers: Mapping[str, str],
    body: str | None = None,
) -> Any:
    told = {**headers, "Content-Type": "application/json"} if body else headers
    connection.request(method, path, body=body, headers=dict(told))
    answer = connection.getresponse()
    text = answer.read()
    if answer.status not in {200, 201}:
        raise RuntimeError(f"{method} {path} was answered {answer.status}: {text[:500]!r}")
    return json.loads(text)
