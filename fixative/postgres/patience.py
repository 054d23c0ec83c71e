"""How long we wait for Postgres, by our own clock.

A stopped server, or a connection whose other end is gone, sends nothing: no error, no end. The
server's own time-outs are then of no use, and TCP's take minutes or never come, since the kernel of
a stopped server goes on acknowledging. So every wait has an end on our side.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen
from psycopg.errors import ConnectionTimeout, ReadOnlySqlTransaction, _WaitTimeout
from psycopg.pq import TransactionStatus

from fixative.errors import DatabaseAway

SILENCE_SECONDS = 2.0  # of a server that lives, nothing but a long statement takes so long
LOOK_AGAIN_SECONDS = 1.0
LAST_CHANCE_SECONDS = 0.25  # where we were slow ourselves, an answer may still lie in the socket

Result = TypeVar("Result")


class Patience:
    """What is left of the time the current thread has for Postgres, and whether it is silent.

    While it is silent, one caller a second is let through to look, and all others are told at once.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._thread = threading.local()
        self.silent = False
        self._look_at = 0.0
        self._looking = threading.Lock()

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """All that this thread waits for in this block shares so many seconds, or less."""
        before: float | None = getattr(self._thread, "until", None)
        until = time.monotonic() + seconds
        self._thread.until = until if before is None else min(until, before)
        try:
            yield
        finally:
            self._thread.until = before

    def left(self) -> float:
        """Seconds that this thread may still wait."""
        until: float | None = getattr(self._thread, "until", None)
        if until is None:
            return self.seconds
        return max(until - time.monotonic(), LAST_CHANCE_SECONDS)

    def ask(self) -> None:
        """Raise DatabaseAway while Postgres is silent and it is not yet time to look again."""
        if not self.silent:
            return
        with self._looking:
            now = time.monotonic()
            if now < self._look_at:
                raise DatabaseAway("Postgres has not answered for a while")
            self._look_at = now + LOOK_AGAIN_SECONDS

    def waited(self, seconds: float) -> None:
        """So long there was no answer. Too short a wait says nothing about the server."""
        if seconds >= SILENCE_SECONDS:
            self._look_at = time.monotonic() + LOOK_AGAIN_SECONDS
            self.silent = True

    def answered(self) -> None:
        """A statement was: it is silent no more."""
        self.silent = False

    def connect(self, *args: Any, **params: Any) -> "PatientConnection":
        """A new connection. Raises DatabaseAway when too little time is left to try."""
        if self.left() < SILENCE_SECONDS:  # which psycopg takes for each address, and no less
            raise DatabaseAway("no time is left to connect to Postgres")
        try:
            connection = PatientConnection.connect(*args, **params)
        except ConnectionTimeout:
            self.waited(SILENCE_SECONDS)
            raise
        connection.patience = self
        return connection


class PatientConnection(psycopg.Connection[Any]):
    """A connection that is closed when its answer does not come in time, or when it is a standby's.

    What it had begun is then rolled back by the server; a commit may have happened, as when a
    connection breaks.
    """

    patience: Patience

    def wait(
        self, gen: PQGen[Result], interval: float = 0.1, timeout: float | None = None
    ) -> Result:
        """Every statement, commit and rollback waits here. Raises psycopg.OperationalError."""
        left = self.patience.left() if timeout is None else timeout
        try:
            result = super().wait(gen, interval, left)
        except _WaitTimeout as error:
            self.close()
            self.patience.waited(left)
            raise psycopg.OperationalError(f"no answer within {left:.1f} s") from error
        except ReadOnlySqlTransaction:
            self.close()  # the primary of before a failover: another connection finds the new one
            raise
        if self.patience.silent and self.pgconn.transaction_status == TransactionStatus.INTRANS:
            self.patience.answered()  # not every wait is for a statement
        return result
