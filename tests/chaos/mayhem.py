"""Mayhem: something dies, stops, is cut or wiped every few seconds, by a schedule from one seed."""

import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress

from redis.exceptions import RedisError

from tests.chaos.system import ChaosSystem

WORKERS = ("worker-io", "worker-store", "worker-derive")
ROLES = ("api", *WORKERS, "beat", "postgres", "valkey", "seaweedfs")
LONGER_THAN_A_LEASE = 35.0
SHORT = 10.0


class Mayhem:
    """Acts every `every` seconds from `start` to `stop`; `done` counts what it did.

    A stop counts once more when it lasted: the one at the end of the storm is cut short.

    Of what lasts, one thing at a time goes on: a system of which all is stopped proves nothing.
    """

    def __init__(self, system: ChaosSystem, rng: random.Random, every: float) -> None:
        self._system = system
        self._rng = rng
        self._every = every
        self._over = threading.Event()
        self._lasting: tuple[float, Callable[[], object]] | None = None
        self._still: str | None = None  # the role that is stopped: a kill would cut that short
        self._thread = threading.Thread(target=self._run, name="mayhem", daemon=True)
        self.done: Counter[str] = Counter()

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, and set right what lasts."""
        self._over.set()
        self._thread.join()
        if self._lasting is not None:
            self._lasting[1]()

    def _run(self) -> None:
        while not self._over.wait(self._every):
            if self._lasting is not None and time.monotonic() > self._lasting[0]:
                self._lasting[1]()
                self._lasting = None
            self._act()

    def _act(self) -> None:
        """One deed; the dice are rolled alike whatever came of the one before."""
        roll = self._rng.random()
        role = self._rng.choice([role for role in ROLES if role != self._still])
        through = self._rng.choice(("postgres", "valkey", "seaweedfs"))
        if roll < 0.6 or self._lasting is not None:
            if self._system.signal(role, signal.SIGKILL):
                self.done[f"kill {role}"] += 1
        elif roll < 0.7:
            self._stop(role)
        elif roll < 0.78:
            with suppress(RedisError), self._system.redis() as redis:
                redis.flushall()
                self.done["flushall"] += 1
        elif roll < 0.86:
            self._system.proxies[through].cut()
            self.done[f"cut {through}"] += 1
        elif roll < 0.91:
            self._proxy(through, "silent", True, False)
        elif roll < 0.96:
            self._proxy(through, "delay", 0.05, 0.0)
        else:
            self._proxy("seaweedfs", "refuse_writes", True, False)

    def _stop(self, role: str) -> None:
        if not self._system.signal(role, signal.SIGSTOP):
            return
        self.done[f"stop {role}"] += 1
        self._still = role
        self._last(LONGER_THAN_A_LEASE, lambda: self._go_on(role))

    def _go_on(self, role: str) -> None:
        """Let it go on, and count it if it stood still until now."""
        if self._system.stopped(role):
            self.done[f"stopped to the end {role}"] += 1
        self._system.signal(role, signal.SIGCONT)
        self._still = None

    def _proxy(self, through: str, mode: str, value: object, usual: object) -> None:
        proxy = self._system.proxies[through]
        setattr(proxy, mode, value)
        self.done[f"{mode} {through}"] += 1
        self._last(SHORT, lambda: setattr(proxy, mode, usual))

    def _last(self, seconds: float, undo: Callable[[], object]) -> None:
        self._lasting = (time.monotonic() + seconds, undo)
