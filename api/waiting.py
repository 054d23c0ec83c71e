"""Waiting: one thread a process looks for all who wait, four times a second while anybody does.

So whoever waits holds a thread, and neither a connection to Postgres nor its attention.
"""

import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

import structlog
from sqlalchemy.orm import Session

from api.places import Places
from api.waiters import Follower, Hearing, Waiter
from fixative.errors import DatabaseAway
from fixative.jobs.glance import Glance, glance
from fixative.jobs.moves import Frontier, Move, Which, read_moves
from fixative.postgres.engine import Database

MOST_AT_ONCE = 250
EVERY_SECONDS = 0.25
AFTER_AN_ERROR_SECONDS = 1.0
START_SECONDS = 2.5
MOST_READ = 2000  # moves in one look

log = structlog.get_logger(__name__)

AnyHearing = TypeVar("AnyHearing", bound=Hearing)


class Watcher:
    """Looks for those who wait, and has the places in which they do."""

    def __init__(self, database: Database, *, most: int = MOST_AT_ONCE) -> None:
        self._database = database
        self.places = Places(most, "waits and event streams")
        self._lock = threading.Lock()
        self._anybody = threading.Event()
        self._waiters: set[Waiter] = set()
        self._followers: set[Follower] = set()
        self._frontier = Frontier()
        self._thread: threading.Thread | None = None
        self._ending = False

    @contextmanager
    def waiter(self, job_id: uuid.UUID, *, end_only: bool) -> Iterator[Waiter | None]:
        """One who waits for news of this job, or for its end; None where no place is free."""
        with self.places.one_if_free() as free:
            if not free:
                yield None
                return
            with self._listed(self._waiters, Waiter(job_id, end_only=end_only)) as waiter:
                yield waiter

    @contextmanager
    def follower(self, which: Which, *, after: int = 0) -> Iterator[Follower]:
        """One who follows these moves from now on, or from `after` where that is later.

        Raises ServiceUnavailable where no place is free, and DatabaseAway where it does not become
        known what is now.
        """
        self.places.take()
        try:
            follower = Follower(which, after)
            with self._lock:
                if self._frontier.number is not None:
                    follower.begin(self._frontier.number)
            with self._listed(self._followers, follower):
                if not follower.has_begun(within=START_SECONDS):
                    raise DatabaseAway("it is not known which moves are still to come")
                yield follower
        finally:
            self.places.give_back()

    def end(self) -> None:
        """Let nobody wait any longer: the process is asked to end."""
        with self._lock:
            self._ending = True
            self._anybody.set()
            for each in (*self._waiters, *self._followers):
                each.end()

    @contextmanager
    def _listed(self, group: set[AnyHearing], each: AnyHearing) -> Iterator[AnyHearing]:
        """It is told until the block ends; the thread is begun here, after any fork."""
        with self._lock:
            group.add(each)
            self._anybody.set()
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="watcher", daemon=True)
                self._thread.start()
            if self._ending:
                each.end()
        try:
            yield each
        finally:
            with self._lock:
                group.discard(each)
                if not self._followers:
                    self._frontier = Frontier()  # what is now is another thing later
                if not (self._followers or self._waiters or self._ending):
                    self._anybody.clear()

    def _run(self) -> None:
        while self._anybody.wait() and not self._ending:
            try:
                self._look()
            except Exception as error:  # noqa: BLE001 - the thread must live: who waits, waits on
                log.warning("watcher_sees_nothing", reason=f"{type(error).__name__}: {error}")
                time.sleep(AFTER_AN_ERROR_SECONDS)
            time.sleep(EVERY_SECONDS)

    def _look(self) -> None:
        with self._lock:
            waiters, followers = list(self._waiters), list(self._followers)
            frontier = self._frontier
        seen: dict[uuid.UUID, Glance] = {}
        moves: list[Move] = []
        if waiters:
            seen = glance(self._database, {waiter.job_id for waiter in waiters})
        if followers:
            with self._database.begin() as session:
                frontier.advance(session)
                if frontier.number is not None:
                    moves = _unheard(session, followers, frontier.number)
        for waiter in waiters:
            waiter.hear(seen.get(waiter.job_id))
        up_to = moves[-1].number if len(moves) == MOST_READ else frontier.number
        if up_to is not None:
            for follower in followers:
                follower.hear(moves, up_to)


def _unheard(session: Session, followers: Sequence[Follower], up_to: int) -> list[Move]:
    """What any of them has not heard yet, as much as one look may bring."""
    after = min((each.told for each in followers if each.told is not None), default=up_to)
    if after >= up_to:
        return []
    which = {each.which for each in followers}
    return read_moves(session, which, after=after, up_to=up_to, limit=MOST_READ)
