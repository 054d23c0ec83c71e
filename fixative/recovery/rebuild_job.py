"""One job brought back, in the place of what knows less of it."""

import uuid
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, delete, exists, false, func, or_, select, update
from sqlalchemy.orm import Session

from fixative.errors import Corrupt
from fixative.jobs.delete import bury_jobs
from fixative.media.derive import derivable
from fixative.postgres.media_tables import Media
from fixative.postgres.tables import TERMINAL_STATUSES, Attempt, Job
from fixative.recovery.replay_own import lock
from fixative.recovery.replay_rows import check_rows
from fixative.recovery.restore import restore, row_values

ENDED = Job.completed_at.is_not(None)
# What nothing that was written knows more of; what ended badly may have been retried afterwards.
DONE = or_(Job.status == "succeeded", Job.deleted_at.is_not(None))


def bring_back_job(session: Session, job_id: uuid.UUID, manifest: Any, source: str) -> bool:
    """Restore the job of this manifest; False: what is there stays.

    What gives way: the same job where it had not ended, or ended before, as in an older backup, to
    this end, if that knows all its attempts; and what history made meanwhile of its predictions.
    Raises Corrupt, RecordRefused or Conflict.
    """
    if not isinstance(manifest, dict):
        raise Corrupt("it tells of no job")
    check_rows(manifest, job_id)
    if manifest["job"]["status"] in TERMINAL_STATUSES:
        lock(session, job_id)  # another end of it may be brought back just now
        session.execute(delete(Job).where(Job.id == job_id, *_gives_way(manifest)))
    told = [id_ for row in manifest["attempts"] if (id_ := row.get("prediction_id"))]
    _remove_strangers(session, job_id, told)
    if not restore(session, manifest, source=source):
        return False
    if _is_underived(manifest):
        session.execute(update(Job).where(Job.id == job_id).values(derive_due_at=func.now()))
    return True


def _gives_way(manifest: dict[str, Any]) -> Iterator[ColumnElement[bool]]:
    """The conditions under which a job that is there knows less than this end of it."""
    ended_at = manifest["job"].get("completed_at")
    before = Job.completed_at < datetime.fromisoformat(ended_at) if ended_at else false()
    yield Job.deleted_at.is_(None)
    yield or_(~ENDED, before)
    attempts = [uuid.UUID(row["id"]) for row in manifest["attempts"]]
    predictions = [id_ for row in manifest["attempts"] if (id_ := row.get("prediction_id"))]
    another = or_(Attempt.prediction_id.is_(None), Attempt.prediction_id.not_in(predictions))
    of_job = (Attempt.job_id == Job.id, ~Attempt.stands_in)
    yield ~exists().where(*of_job, Attempt.id.not_in(attempts), another)


def _is_underived(manifest: dict[str, Any]) -> bool:
    """Whether it was written after the job's end and before what is derived from its media."""
    newest = manifest["job"]["attempt_id"]
    media = (Media(**row_values(Media, row)) for row in manifest["media"])
    return any(
        derivable(item) and item.details is None and item.derive_error is None
        for item in media
        if str(item.attempt_id) == newest
    )


def _remove_strangers(session: Session, job_id: uuid.UUID, prediction_ids: list[str]) -> None:
    """Delete the jobs that history made of these predictions, not knowing whose they are.

    Their tombstones name no prediction, so that none of them ever buries the job that has it.
    """
    theirs = select(Attempt.job_id).where(Attempt.prediction_id.in_(prediction_ids))
    of_history = (Job.id.in_(theirs), Job.id != job_id, Job.source == "sync")
    strangers = list(session.scalars(select(Job.id).where(*of_history)))
    if not strangers:
        return
    session.execute(delete(Attempt).where(Attempt.job_id.in_(strangers)))
    unfinished = update(Job).where(Job.id.in_(strangers), ~ENDED)
    session.execute(unfinished.values(status="canceled", completed_at=func.now()))
    bury_jobs(session, Job.id.in_(strangers))
