"""How the system stands: what an operator asks first."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from fixative.jobs.states import NEEDS_REVIEW
from fixative.postgres.base import among
from fixative.postgres.operation_tables import Tick, WorkerProcess
from fixative.postgres.sync_tables import SyncRun
from fixative.postgres.tables import Job


def list_workers(session: Session) -> list[WorkerProcess]:
    """The worker processes that are known, by name."""
    return list(session.scalars(select(WorkerProcess).order_by(WorkerProcess.name)))


def list_ticks(session: Session) -> list[Tick]:
    """The periodic tasks, by name: when each was last done, and is to be done next."""
    return list(session.scalars(select(Tick).order_by(Tick.name)))


def list_runs(session: Session, *, limit: int) -> list[SyncRun]:
    """The newest runs of history sync, newest first."""
    return list(session.scalars(select(SyncRun).order_by(SyncRun.id.desc()).limit(limit)))


def count_in_review(session: Session) -> int:
    """How many jobs wait for a person: to settle what became of their create, or to requeue."""
    waiting = (among(Job.status, "submitting", "storing"), Job.waiting_reason == NEEDS_REVIEW)
    return session.scalar(select(func.count()).where(*waiting)) or 0


def count_unrecorded(session: Session) -> int:
    """How many ended jobs there are whose record and manifest are behind them."""
    return session.scalar(select(func.count()).where(Job.record_due_at.is_not(None))) or 0


def unrecorded_seconds(session: Session) -> float:
    """For how long the oldest accepted job waits for the record of it; 0 when none does."""
    unrecorded = (Job.acceptance_recorded_at.is_(None), Job.deleted_at.is_(None))
    age = func.extract("epoch", func.now() - Job.created_at)
    oldest = session.scalar(select(age).where(*unrecorded).order_by(Job.id).limit(1))
    return float(oldest or 0)
