"""Admission: when one more call to Replicate may go out.

One Lua script on Redis server time holds a GCRA bucket, the pace learned from 429 answers, and the
breaker (ADR 0004). While Redis is away each process keeps to a quarter of the pace by itself.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from importlib.resources import files
from typing import Any, Literal

import structlog
from pydantic import SecretStr
from redis import Redis

from fixative.replicate.throttling import LearnedPace
from fixative.settings import Settings
from fixative.shared import Shared
from fixative.telemetry.alarms import alarm
from fixative.telemetry.metrics import PACED_WAITS

SCRIPT = files("fixative.replicate").joinpath("pace.lua").read_text()
FAILURES_TO_OPEN = 5
OPEN_SECONDS = 5.0
LONGEST_OPEN_SECONDS = 60.0
HOLD_SECONDS = 15.0
TRIAL_SECONDS = 65.0  # longer than one call can last
UNTOLD_THROTTLE_SECONDS = 5.0
SHARE_ALONE = 0.25
NOBODYS = SecretStr("")
HELD_FOR = {"token": "replicate_token_refused", "credit": "replicate_credit_exhausted"}

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Grant:
    """How many calls may go out now; when none, why (a job's waiting reason) and for how long."""

    granted: int
    reason: str
    wait_seconds: float


@dataclass(frozen=True)
class PaceState:
    """What all processes keep to: the rates in calls a minute, learned if Replicate told one.

    Closed means that nothing goes out until then, and one call to test afterwards.
    """

    per_minute: float
    learned_per_minute: float | None
    closed_reason: str | None
    closed_until: datetime | None
    failures: int  # in a row


class Pace:
    """The bucket and breaker of one token for one kind of call ("creates" or "reads").

    A token that is rotated begins with a pace of its own: what the old one was held for is over.
    """

    def __init__(
        self, shared: Shared, kind: str, per_minute: float, token: SecretStr = NOBODYS
    ) -> None:
        self._shared = shared
        self.kind = kind
        self._token = token
        self._rate = per_minute / 60
        self._burst = max(1, int(self._rate))
        self._script = shared.redis.register_script(SCRIPT)
        self._alone = _Alone(self._rate * SHARE_ALONE)

    def take(self, n: int = 1, *, in_turn: bool = False) -> Grant:
        """Up to `n` tokens. Out of turn nothing is given while others are known to wait."""

        def shared(_: Redis) -> Grant:
            granted, reason, wait, cleared = self._run(
                "take", n, self._rate, self._burst, int(in_turn), TRIAL_SECONDS
            )
            if cleared:
                log.info("pace_cleared", kind=self.kind, per_minute=self._rate * 60)
            return Grant(granted, reason.decode(), wait / 1000)

        grant = self._shared.shared_or_local(shared, lambda: self._alone.take(n))
        if not grant.granted:
            PACED_WAITS.labels(self.kind, grant.reason).inc()
        return grant

    def throttled(self, retry_after: float | None, learned: LearnedPace | None) -> None:
        """Replicate answered 429."""
        seconds = UNTOLD_THROTTLE_SECONDS if retry_after is None else retry_after
        rate, burst = self._rate, self._burst
        if learned is not None:
            rate, burst = learned.per_minute / 60, learned.burst
        told = (seconds, rate, burst, int(learned is not None))
        if self._tell(lambda: self._alone.close(seconds), "throttled", *told):
            log.warning("pace_learned", kind=self.kind, per_minute=rate * 60, burst=burst)

    def drained(self) -> None:
        """Replicate said, with an answer that was well, that nothing is left for now."""
        self._tell(lambda: None, "drained", self._rate, self._burst)

    def hold(self, reason: str) -> None:
        """The token or the credit is no good: nothing goes out but a trial now and then."""
        if self._tell(lambda: self._alone.close(HOLD_SECONDS), "close", HOLD_SECONDS, reason):
            alarm(HELD_FOR[reason])

    def failed(self) -> None:
        """Replicate was not reached, or did not answer well."""
        limits = (FAILURES_TO_OPEN, OPEN_SECONDS, LONGEST_OPEN_SECONDS)
        if self._tell(self._alone.failed, "failed", *limits):
            log.warning("breaker_open", kind=self.kind)

    def succeeded(self) -> None:
        """Replicate answered well: whatever was closed is open."""
        self._tell(self._alone.succeeded, "succeeded")

    def state(self) -> PaceState | None:
        """The state that is shared; None while Redis is away."""
        return self._shared.shared_or_local(lambda _: self._read_state(), lambda: None)

    def _read_state(self) -> PaceState:
        learned, reason, until, failures = self._run("state")
        per_minute = self._rate * 60
        learned_per_minute = float(learned) * 60
        return PaceState(
            per_minute=per_minute,
            learned_per_minute=learned_per_minute if 0 < learned_per_minute < per_minute else None,
            closed_reason=reason.decode() or None,
            closed_until=datetime.fromtimestamp(float(until), UTC) if float(until) else None,
            failures=int(failures),
        )

    def _tell(self, alone: Callable[[], None], *arguments: Any) -> bool:
        """Whether what was told is news; nothing is to a process alone."""

        def local() -> bool:
            alone()
            return False

        return self._shared.shared_or_local(lambda _: bool(self._run(*arguments)), local)

    def _run(self, *arguments: Any) -> Any:
        token = sha256(self._token.get_secret_value().encode()).hexdigest()[:8]
        return self._script(keys=[f"fixative:pace:{self.kind}:{token}"], args=list(arguments))


def pace_of(shared: Shared, settings: Settings, kind: Literal["creates", "reads"]) -> Pace:
    """The pace of the token in the settings, the same one in every process that has it."""
    per_minute = {
        "creates": settings.fixative_creates_per_minute,
        "reads": settings.fixative_reads_per_minute,
    }
    return Pace(shared, kind, per_minute[kind], settings.replicate_api_token)


class _Alone:
    """One process's share of the pace while Redis is away."""

    def __init__(self, rate: float) -> None:
        self._step = 1 / rate
        self._next = 0.0
        self._failures = 0
        self._lock = threading.Lock()

    def take(self, n: int) -> Grant:
        with self._lock:
            now = time.monotonic()
            if self._next > now:
                return Grant(0, "pace", self._next - now)
            granted = min(n, max(1, int(1 / self._step)))
            self._next = now + granted * self._step
            return Grant(granted, "pace", 0)

    def close(self, seconds: float) -> None:
        with self._lock:
            self._next = max(self._next, time.monotonic() + seconds)

    def failed(self) -> None:
        with self._lock:
            self._failures += 1
            failures = self._failures
        if failures >= FAILURES_TO_OPEN:
            self.close(OPEN_SECONDS)

    def succeeded(self) -> None:
        with self._lock:
            self._failures = 0
