"""Event streams (Server-Sent Events): moves as they happen, and a sign of life between them."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack

from flask import Response

from api.answers import dump
from api.waiters import Follower
from fixative.errors import DatabaseAway
from fixative.jobs.moves import Move, read_moves
from fixative.postgres.engine import Database

HEARTBEAT_SECONDS = 15.0  # so often it is also asked whether a stream may go on
COME_BACK_MILLISECONDS = 2000
PAGE = 500  # moves that are read at once
SIGN_OF_LIFE = b":\n\n"


class EventStream:
    """The body of a stream: the moves after a number, then what its follower hears.

    A job's ends with the job. Any ends, and its client is to come back by its Last-Event-ID, when
    the follower is over, Postgres is away while what was missed is read, or `may_go_on` denies.
    """

    def __init__(
        self,
        database: Database,
        follower: Follower,
        after: int,
        *,
        ended: Move | None,
        may_go_on: Callable[[], bool],
        closing: ExitStack,
        every_seconds: float = HEARTBEAT_SECONDS,
    ) -> None:
        """`ended` is the move with which the job ended, where it has."""
        self._database = database
        self._follower = follower
        self._after = after
        self._ended = ended
        self._may_go_on = may_go_on
        self._closing = closing
        self._every_seconds = every_seconds

    def __iter__(self) -> Iterator[bytes]:
        yield _position(self._after)
        try:
            for move in self._missed():
                yield _event(move)
        except DatabaseAway:
            return
        if self._ended is not None and self._ended.number <= self._follower.began:
            yield _end(self._ended)
            return
        yield from self._heard()

    def close(self) -> None:
        """Give back its place; again is no harm."""
        self._closing.close()

    def _missed(self) -> Iterator[Move]:
        """What happened between `after` and the moment from which the follower hears all."""
        after, which = self._after, [self._follower.which]
        while after < self._follower.began:
            with self._database.begin() as session:
                page = read_moves(
                    session, which, after=after, up_to=self._follower.began, limit=PAGE
                )
            yield from page
            if len(page) < PAGE:
                return
            after = page[-1].number

    def _heard(self) -> Iterator[bytes]:
        asked_at = time.monotonic()
        while True:
            moves = self._follower.take(self._every_seconds)
            for move in moves:
                yield _event(move)
                if move.is_last and self._follower.which.job_id is not None:
                    yield _end(move)
                    return
            if self._follower.over:
                return
            if not moves:
                yield SIGN_OF_LIFE
            if time.monotonic() - asked_at >= self._every_seconds:
                if not self._may_go_on():
                    return
                asked_at = time.monotonic()


def as_events(body: Iterable[bytes] | None) -> Response:
    """The answer that such a body goes on in; without one, what HEAD tells of it."""
    answer = Response(body, mimetype="text/event-stream")
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["X-Accel-Buffering"] = "no"  # a proxy is not to collect it first
    return answer


def _position(number: int) -> bytes:
    """No event: where to read on from, should the stream break before there is one."""
    return b"retry: %d\nid: %d\n\n" % (COME_BACK_MILLISECONDS, number)


def _event(move: Move) -> bytes:
    told = {
        "id": move.job_id,
        "status": move.status,
        "from": move.came_from,
        "cause": move.cause,
        "at": move.at,
    }
    return b"id: %d\nevent: status\ndata: %s\n\n" % (move.number, dump(told))


def _end(move: Move) -> bytes:
    told = {"id": move.job_id, "status": move.status}
    return b"event: end\ndata: %s\n\n" % dump(told)
