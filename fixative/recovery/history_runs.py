"""The runs of history sync: opened, taken, moved on a page, ended. Each is a row with its cursor.

A run of the same kind (mode, since, until) that is under way is joined, never doubled; one that
ended before its walk did is gone on from, by the next of its kind.
"""

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from sqlalchemy import ColumnElement, and_, func, or_, select, update
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from fixative.errors import InvalidRequest, LostLease, NotFound
from fixative.names import SYNC_HISTORY, Hint
from fixative.postgres.leases import LEASE_SECONDS
from fixative.postgres.sync_tables import SyncRun

LEASE = timedelta(seconds=LEASE_SECONDS)
OVERLAP = timedelta(minutes=15)  # with the last complete run: clocks differ, and lists lag
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)  # a run since then walks the full history
OPENING = 7_301_994  # a number for the lock under which runs are opened, no other has it
HINT_LASTS = timedelta(seconds=10)  # so long a hint is believed to be under way


@dataclass(frozen=True)
class Walk:
    """What is asked for. Without `since` a regular run walks back to the last complete one.

    `since` is inclusive, `until` exclusive; `max_predictions` None: no limit.
    """

    bootstrap: bool = False
    since: datetime | None = None
    until: datetime | None = None
    max_predictions: int | None = None

    @property
    def mode(self) -> str:
        """As the row has it."""
        return "bootstrap" if self.bootstrap else "regular"

    @property
    def its_kind(self) -> ColumnElement[bool]:
        """The condition that a run is of the same kind."""
        return and_(
            SyncRun.mode == self.mode,
            SyncRun.since.is_not_distinct_from(self.since),
            SyncRun.until.is_not_distinct_from(self.until),
        )


@dataclass
class Tally:
    """What one page came to."""

    checked: int = 0
    processed: int = 0
    created: int = 0
    updated: int = 0
    skipped: int = 0


def open_run(session: Session, walk: Walk) -> SyncRun:
    """The run that does this: the one under way, or a new row, that somebody has yet to take.

    Raises InvalidRequest when `until` lies before `since`.
    """
    if walk.since and walk.until and walk.until <= walk.since:
        raise InvalidRequest("until", "must be later than since")
    session.execute(select(func.pg_advisory_xact_lock(OPENING)))
    newest = session.scalars(
        select(SyncRun).where(walk.its_kind).order_by(SyncRun.started_at.desc()).limit(1)
    ).one_or_none()
    if newest is not None and newest.status == "running":
        return newest
    run = SyncRun(
        id=uuid7(),
        mode=walk.mode,
        since=walk.since,
        until=walk.until,
        max_predictions=walk.max_predictions,
    )
    if newest is not None and newest.status == "partial" and newest.cursor is not None:
        run.walk_back_to, run.cursor = newest.walk_back_to, newest.cursor
        run.began_at = newest.began_at
    else:
        last = None if walk.bootstrap else last_complete(session)
        run.walk_back_to = walk.since or (last.began_at - OVERLAP if last else None)
    session.add(run)
    session.flush()
    session.refresh(run)
    return run


def last_complete(session: Session) -> SyncRun | None:
    """The last run that left nothing out: a regular one walks back to it."""
    return session.scalars(
        select(SyncRun)
        .where(
            SyncRun.status == "complete",
            SyncRun.until.is_(None),
            or_(SyncRun.since.is_(None), SyncRun.since <= BEGINNING),
        )
        .order_by(SyncRun.began_at.desc())
        .limit(1)
    ).one_or_none()


def get_run(session: Session, run_id: uuid.UUID) -> SyncRun:
    """The run as it stands. Raises NotFound."""
    run = session.get(SyncRun, run_id)
    if run is None:
        raise NotFound(f"no sync {run_id}")
    return run


def first_query(run: SyncRun) -> str:
    """The query of the first page of a run's walk."""
    bounds = {"created_after": run.walk_back_to, "created_before": run.until}
    return urlencode({name: at.isoformat() for name, at in bounds.items() if at is not None})


def take_run(session: Session, run_id: uuid.UUID) -> SyncRun | None:
    """The run, to be worked on under its lease; None when it has ended or another has it."""
    return session.scalars(
        update(SyncRun)
        .where(SyncRun.id == run_id, SyncRun.status == "running", _free())
        .values(lease_token=SyncRun.lease_token + 1, lease_until=func.now() + LEASE)
        .returning(SyncRun)
    ).one_or_none()


def renew(session: Session, run: SyncRun) -> None:
    """Keep the lease for another 30 s. Raises LostLease."""
    _write(session, run, lease_until=func.now() + LEASE)


def move_on(session: Session, run: SyncRun, tally: Tally, cursor: str | None) -> SyncRun:
    """The run one page further: `cursor` is the query of the page to read next.

    Raises LostLease, and then nothing of this transaction may be committed.
    """
    return _write(
        session,
        run,
        cursor=cursor,
        pages=SyncRun.pages + 1,
        predictions_checked=SyncRun.predictions_checked + tally.checked,
        jobs_processed=SyncRun.jobs_processed + tally.processed,
        jobs_created=SyncRun.jobs_created + tally.created,
        jobs_updated=SyncRun.jobs_updated + tally.updated,
        skipped=SyncRun.skipped + tally.skipped,
        lease_until=func.now() + LEASE,
    )


def end_run(session: Session, run: SyncRun, status: str, error: str | None = None) -> None:
    """The run's end: complete, partial or failed. Raises LostLease."""
    _write(session, run, status=status, error=error, finished_at=func.now(), lease_until=None)


def let_run_go(session: Session, run: SyncRun) -> None:
    """Leave it as it is, for anybody to go on with. Raises LostLease."""
    _write(session, run, lease_until=None)


def hints_of_left_runs(session: Session) -> list[Hint]:
    """Hints for the runs under way that nobody works on, and that none was sent for just now."""
    left = (
        update(SyncRun)
        .where(SyncRun.status == "running", _free(), SyncRun.updated_at < func.now() - HINT_LASTS)
        .values(updated_at=func.now())
        .returning(SyncRun.id)
    )
    return [Hint(SYNC_HISTORY, {"run_id": str(id_)}) for id_ in session.scalars(left)]


def _free() -> ColumnElement[bool]:
    return or_(SyncRun.lease_until.is_(None), SyncRun.lease_until < func.now())


def _write(session: Session, run: SyncRun, **values: object) -> SyncRun:
    written = session.scalars(
        update(SyncRun)
        .where(
            SyncRun.id == run.id,
            SyncRun.lease_token == run.lease_token,
            SyncRun.status == "running",
        )
        .values(updated_at=func.now(), **values)
        .returning(SyncRun)
        .execution_options(populate_existing=True)
    ).one_or_none()
    if written is None:
        raise LostLease(f"sync {run.id}")
    return written
