"""The supervisor's ear: a thread that asks every few seconds which worker is deaf.

The main loop must wait for no server, so it only reads what was found.
"""

import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from redis import Redis

from fixative.errors import DatabaseAway
from fixative.local.program import Running
from fixative.names import QUEUES_OF_ROLE
from fixative.postgres.engine import Database
from fixative.postgres.presence import DEAF_SECONDS
from fixative.recovery.hearing import HOLD_SECONDS, why_deaf

LOOK_SECONDS = 5.0


@dataclass(frozen=True)
class Deaf:
    """A process that does not hear, and how we know."""

    role: str
    pid: int
    reason: str


class Listener:
    """Looks at the workers among `running`, and publishes those `deaf` for some time.

    The main loop sets the one and reads the other; both are replaced as a whole.
    """

    def __init__(
        self,
        files: Path,
        database: Database,
        redis: Redis,
        *,
        say: Callable[[str], None],
        patience: float = DEAF_SECONDS,
        hold: float = HOLD_SECONDS,
    ) -> None:
        self.running: Mapping[str, Running] = {}
        self.deaf: tuple[Deaf, ...] = ()
        self._files = files
        self._database = database
        self._redis = redis
        self._say = say
        self._patience = patience
        self._hold = hold
        self._since: dict[int, float] = {}  # which process did not hear, without a break

    def begin(self) -> None:
        """Look every five seconds, for as long as this process lives."""
        threading.Thread(target=self._go_on, name="listener", daemon=True).start()

    def look(self) -> None:
        """Judge each worker once, by its file; a new process has heard when it began."""
        found = [
            Deaf(role, process.pid, reason)
            for role, process in self.running.items()
            if role in QUEUES_OF_ROLE and (reason := self._why_deaf(role, process))
        ]
        now = time.monotonic()
        self._since = {deaf.pid: self._since.get(deaf.pid, now) for deaf in found}
        self.deaf = tuple(deaf for deaf in found if now - self._since[deaf.pid] >= self._hold)

    def _why_deaf(self, role: str, process: Running) -> str | None:
        try:
            return why_deaf(
                f"{role}@{socket.gethostname()}",
                max(process.started_at, _touched_at(self._files / role)),
                database=self._database,
                redis=self._redis,
                patience=self._patience,
            )
        except DatabaseAway:  # whoever needs it says so; we do not judge what we cannot know
            return None

    def _go_on(self) -> None:
        while True:
            try:
                self.look()
            except Exception as error:  # noqa: BLE001 - said, and the next look may do better
                self.deaf = ()
                self._say(f"cannot tell who is deaf: {type(error).__name__}: {error}")
            time.sleep(LOOK_SECONDS)


def _touched_at(file: Path) -> float:
    try:
        return file.stat().st_mtime
    except FileNotFoundError:
        return 0.0
