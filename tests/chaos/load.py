"""Load: jobs submitted as a patient client does, some of them canceled again."""

import random
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.chaos.system import ChaosSystem

CLIENTS = 8
PATIENCE = 900.0


@dataclass
class Load:
    """What was asked for: the ids of accepted jobs, and those whose cancel was asked for."""

    accepted: list[str] = field(default_factory=list)
    canceled: set[str] = field(default_factory=set)
    refused: int = 0  # answers 503, or none at all; each was asked again
    slowest: float = 0.0  # seconds until an answer, whichever
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def run(
        self, system: ChaosSystem, jobs: int, rng: random.Random, *, cancels: float, rest: float
    ) -> None:
        """Submit so many, `cancels` of them canceled at some time; `rest` seconds after each."""
        bodies = [_body(rng, number) for number in range(jobs)]
        dice = [(rng.random() < cancels, rng.random() * 3) for _ in bodies]

        def one(number: int) -> None:
            job_id = self._submit(system, bodies[number])
            canceled, after = dice[number]
            if canceled:
                time.sleep(after)
                self._cancel(system, job_id)
            time.sleep(rest)

        with ThreadPoolExecutor(CLIENTS) as clients:
            list(clients.map(one, range(jobs)))

    def _submit(self, system: ChaosSystem, body: dict[str, Any]) -> str:
        key = {"Idempotency-Key": uuid.uuid4().hex}
        answer = self._patiently(system, "/jobs", json=body, headers=system.headers | key)
        with self._lock:
            self.accepted.append(answer["id"])
        return str(answer["id"])

    def _cancel(self, system: ChaosSystem, job_id: str) -> None:
        with self._lock:
            self.canceled.add(job_id)
        self._patiently(system, f"/jobs/{job_id}/cancel", headers=system.headers)

    def _patiently(self, system: ChaosSystem, path: str, **request: Any) -> Any:
        give_up = time.monotonic() + PATIENCE
        while time.monotonic() < give_up:
            began = time.monotonic()
            with suppress(httpx.TransportError):
                answer = httpx.post(f"{system.url}{path}", timeout=60, **request)
                self.slowest = max(self.slowest, time.monotonic() - began)
                if answer.is_success:
                    return answer.json()
                assert answer.status_code == httpx.codes.SERVICE_UNAVAILABLE, answer.text
            self.refused += 1
            time.sleep(0.3)
        raise AssertionError(f"nobody took {path} in {PATIENCE} s")


def _body(rng: random.Random, number: int) -> dict[str, Any]:
    """Mostly small things, some alike to the byte."""
    subject = f"subject {rng.randrange(50)}"
    kinds: list[dict[str, Any]] = [
        {
            "model": "meta/meta-llama-3-8b-instruct",
            "input": {"prompt": subject, "max_tokens": 20},
            "job_type": "text",
        },
        {
            "model": "emulator/bytes",
            "input": {"bytes": rng.randrange(1, 60_000), "count": rng.choice((1, 1, 3))},
            "job_type": "file",
        },
        {
            "model": "black-forest-labs/flux-schnell",
            "input": {"prompt": subject, "seed": 1},
            "job_type": "image",
        },
    ]
    return rng.choices(kinds, (5, 4, 1))[0] | {"label": f"chaos-{number}"}
