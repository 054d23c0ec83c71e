"""One job brought back, in the place of what knows less of it."""

import uuid
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, delete, exists, false, or_
from sqlalchemy.orm import Session

from fixative.errors import Corrupt
from fixative.postgres.tables import TERMINAL_STATUSES, Attempt, Job
from fixative.recovery.replay_own import lock
from fixative.recovery.replay_rows import check_rows
from fixative.recovery.restore import restore

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
    return bool(restore(session, [manifest], source=source))


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
