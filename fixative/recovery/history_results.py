"""What a run of history sync did, prediction by prediction, as an answer shows it."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from fixative.postgres.sync_tables import SyncResult, SyncRun
from fixative.postgres.tables import Attempt, Job
from fixative.recovery.seed_view import seed_view


def results_of(session: Session, run: SyncRun, *, limit: int) -> list[dict[str, Any]]:
    """The first `limit` of them, in the order of the walk: what was created, updated or skipped.

    Each names the prediction, says the result and its reason; where there is a job, in the seed's
    fields too. A job that was deleted since has no fields.
    """
    rows = session.execute(
        select(SyncResult, Job, Attempt)
        .outerjoin(Job, (Job.id == SyncResult.job_id) & Job.deleted_at.is_(None))
        .outerjoin(Attempt, Attempt.id == Job.attempt_id)
        .where(SyncResult.run_id == run.id)
        .order_by(SyncResult.id)
        .limit(limit)
    )
    return [_shown(result, job, attempt) for result, job, attempt in rows]


def _shown(result: SyncResult, job: Job | None, attempt: Attempt | None) -> dict[str, Any]:
    shown = {
        "prediction_id": result.prediction_id,
        "job_id": result.job_id,
        "result": result.result,
        "reason": result.reason,
    }
    return shown if job is None else {**seed_view(job, attempt), **shown}
