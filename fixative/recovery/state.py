"""How the system stands: what an operator asks first."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from fixative.postgres.operation_tables import WorkerProcess
from fixative.postgres.tables import Job


def list_workers(session: Session) -> list[WorkerProcess]:
    """The worker processes that are known, by name."""
    return list(session.scalars(select(WorkerProcess).order_by(WorkerProcess.name)))


def count_in_review(session: Session) -> int:
    """How many jobs wait for a person: to settle what became of their create, or to requeue."""
    waiting = (Job.status.in_(("submitting", "storing")), Job.waiting_reason == "needs_review")
    return session.scalar(select(func.count()).where(*waiting)) or 0
