"""History sync: Replicate's own list walked back, so that nothing it has is missing here.

Where a walk stops is a matter of time, never of what is known already: a stranger's prediction may
lie behind a page of our own. Each page is one transaction: its jobs, the counters, the cursor. A
walk killed at any page goes on from there.
"""

import math
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode

import structlog
from sqlalchemy import exists

from fixative.errors import LostLease, MalformedPrediction, ReplicateError
from fixative.jobs.pauses import is_restored
from fixative.names import Hint
from fixative.postgres.engine import Database
from fixative.postgres.sync_tables import SyncRun
from fixative.recovery.history_page import PageReading
from fixative.recovery.history_reader import Page, Reader, Stopped, is_final
from fixative.recovery.history_runs import (
    Walk,
    end_run,
    first_query,
    let_run_go,
    move_on,
    open_run,
    renew,
    take_run,
)
from fixative.replicate.client import Replicate
from fixative.replicate.prediction import read_instant

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class History:
    """What walking needs.

    `imports` says when predictions that are not ours become jobs: all, bootstrap, none. `send` is
    given the hints that follow a page, once that is committed. Only a rebuild reads history into a
    database that waits for `recover`: jobs may be missing in it, and what is theirs looks like a
    stranger's.
    """

    database: Database
    replicate: Replicate
    stopping: threading.Event
    imports: str
    send: Callable[[list[Hint]], None]
    of_a_rebuild: bool = False

    def sync(self, walk: Walk) -> uuid.UUID:
        """Do this walk, or go on with the one of its kind that nobody works on; the run's id."""
        with self.database.begin() as session:
            run_id = open_run(session, walk).id
        self.go_on(run_id)
        return run_id

    def is_under_way(self) -> bool:
        """Whether any run is."""
        with self.database.begin() as session:
            return bool(session.scalar(exists().where(SyncRun.status == "running").select()))

    def go_on(self, run_id: uuid.UUID) -> None:
        """Walk on from the run's cursor to its end, unless another does; safe twice.

        Where `recover` is to come first it is left as it is. What Replicate does not answer ends
        the run as `partial`, with what was read so far; what it refuses ends it as `failed`. Raises
        DatabaseAway: then the run is left to be gone on with, as it is when this process is asked
        to end.
        """
        with self.database.begin() as session:
            waits = is_restored(session) and not self.of_a_rebuild
            run = None if waits else take_run(session, run_id)
        if run is None:
            return
        log.info("history_begun", run_id=str(run.id), mode=run.mode, pages=run.pages)
        try:
            self._work_on(run)
        except LostLease:
            log.info("history_lost_its_lease", run_id=str(run_id))

    def _work_on(self, run: SyncRun) -> None:
        try:
            done = self._walk(run)
        except Stopped:
            with self.database.begin() as session:
                let_run_go(session, run)
        except ReplicateError as error:
            self._end(run, "failed" if is_final(error) else "partial", str(error))
        else:
            self._end(run, "complete" if done.cursor is None else "partial")

    def _walk(self, run: SyncRun) -> SyncRun:
        """The run as it is at its end; a cursor is left where its limit ended it."""
        query = first_query(run) if run.cursor is None and run.pages == 0 else run.cursor
        with Reader(self.replicate, self.stopping, lambda: self._renew(run)) as reader:
            while query is not None and (left := _left(run)) > 0:
                page = _cut(reader.page(query), left)
                query = None if _is_past(page, run) else page.following
                if query is not None and left > len(page.items):
                    reader.ask(query)  # while this one is worked on
                run = self._read_in(run, page, query)
        return run

    def _read_in(self, run: SyncRun, page: Page, cursor: str | None) -> SyncRun:
        importing = self.imports in {"all", run.mode}
        with self.database.begin() as session:
            reading = PageReading(session, run.id, importing)
            reading.read(page.items)
            run = move_on(session, run, reading.tally, cursor)
        self.send(reading.hints)
        log.info(
            "history_page",
            run_id=str(run.id),
            page=run.pages,
            **vars(reading.tally),
            predictions_checked=run.predictions_checked,
        )
        return run

    def _renew(self, run: SyncRun) -> None:
        with self.database.begin() as session:
            renew(session, run)

    def _end(self, run: SyncRun, status: str, error: str | None = None) -> None:
        with self.database.begin() as session:
            end_run(session, run, status, error)
        log.info("history_ended", run_id=str(run.id), status=status, error=error)


def _left(run: SyncRun) -> float:
    """How many predictions the run may still read."""
    limit = math.inf if run.max_predictions is None else run.max_predictions
    return limit - run.predictions_checked


def _cut(page: Page, left: float) -> Page:
    """The page as far as the run's limit allows, followed by what comes after that.

    Whoever goes on begins before the last one read, so of those created in the same microsecond
    all are read: none is passed over.
    """
    if left >= len(page.items):
        return page
    times = [_created_at(raw) for raw in page.items]
    last = next((at for at in reversed(times[: int(left)]) if at is not None), None)
    if last is None:
        return page  # nothing on it that one could go on from
    end = next((i for i in range(int(left), len(times)) if times[i] != last), len(times))
    query = {**dict(parse_qsl(page.query)), "created_before": last.isoformat()}
    query.pop("cursor", None)
    return Page(page.query, page.items[:end], urlencode(query))


def _is_past(page: Page, run: SyncRun) -> bool:
    """Whether all of it lies before where the run stops."""
    newest = max(filter(None, map(_created_at, page.items)), default=None)
    return newest is not None and run.walk_back_to is not None and newest < run.walk_back_to


def _created_at(raw: Any) -> datetime | None:
    try:
        return read_instant(raw.get("created_at") if isinstance(raw, dict) else None)
    except MalformedPrediction:
        return None
