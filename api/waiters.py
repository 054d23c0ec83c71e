"""Those who wait for news of a job, and those who follow moves: the watcher tells them."""

import threading
import time
import uuid
from collections import deque
from collections.abc import Sequence

from fixative.jobs.glance import Glance
from fixative.jobs.moves import Move, Which

MOST_UNTAKEN = 1000  # moves that a follower's client is behind


class Hearing:
    """Somebody whom the watcher tells; `over` once there is nothing more to wait for."""

    def __init__(self) -> None:
        self.over = False
        self._news = threading.Event()

    def end(self) -> None:
        """Wait no longer."""
        self.over = True
        self._news.set()


class Waiter(Hearing):
    """Waits until a job may look otherwise, or for its end only.

    What is seen first is news too: who waits may have looked before.
    """

    def __init__(self, job_id: uuid.UUID, *, end_only: bool) -> None:
        super().__init__()
        self.job_id = job_id
        self._end_only = end_only
        self._seen: Glance | None = None

    def wait(self, until: float) -> bool:
        """Whether there is news before that instant of the monotonic clock."""
        heard = self._news.wait(max(0.0, until - time.monotonic()))
        self._news.clear()
        return heard and not self.over

    def hear(self, seen: Glance | None) -> None:
        """This is seen of the job now; None: there is no such job."""
        if seen is None or seen == self._seen:
            return
        self._seen = seen
        if seen.ended or not self._end_only:
            self._news.set()


class Follower(Hearing):
    """Follows moves: hears all of a number above `began`, once that is known.

    It is the number up to which nothing was still to come, or what its client was told elsewhere.
    """

    def __init__(self, which: Which, after: int) -> None:
        super().__init__()
        self.which = which
        self.began = after
        self.told: int | None = None  # up to this number it has heard all
        self._moves: deque[Move] = deque()
        self._begun = threading.Event()

    def begin(self, number: int) -> None:
        """Nothing up to this number is still to come."""
        self.began = self.told = max(self.began, number)
        self._begun.set()

    def has_begun(self, *, within: float) -> bool:
        """Whether it has, within so many seconds."""
        return self._begun.wait(within) and not self.over

    def take(self, seconds: float) -> list[Move]:
        """What there is, after so many seconds at the latest; nothing once it is over."""
        self._news.wait(seconds)
        self._news.clear()
        return [] if self.over else [self._moves.popleft() for _ in range(len(self._moves))]

    def hear(self, moves: Sequence[Move], up_to: int) -> None:
        """These are everybody's moves up to that number."""
        if self.told is None:
            self.begin(up_to)
        told = self.told or 0
        mine = [move for move in moves if move.number > told and self.which.has(move)]
        self.told = max(told, up_to)
        self._moves.extend(mine)
        if len(self._moves) > MOST_UNTAKEN:
            self.end()  # its client comes back, and reads on from where it is
        elif mine:
            self._news.set()

    def end(self) -> None:
        """Wait no longer, not for the beginning either."""
        super().end()
        self._begun.set()
