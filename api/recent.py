"""What was made in the last seconds, given again: a process's own, for whoever asks it again."""

import time
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Made = TypeVar("Made")


class Recent(Generic[Made]):
    """Keeps at most so many things, each for so many seconds; safe with many threads."""

    def __init__(
        self, *, most: int, seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._most = most
        self._seconds = seconds
        self._clock = clock
        self._kept: dict[Hashable, tuple[float, Made]] = {}

    def find(self, key: Hashable) -> Made | None:
        """What was kept for this key; None once it is too old."""
        until, made = self._kept.get(key, (0.0, None))
        return made if self._clock() < until else None

    def keep(self, key: Hashable, made: Made) -> None:
        """Give it again for this key; where there is no room, nothing else any more."""
        if len(self._kept) >= self._most:
            self._kept.clear()
        self._kept[key] = (self._clock() + self._seconds, made)
