"""One job brought back, in the place of what knows less of it."""

import uuid
from typing import Any

from sqlalchemy import delete
from sqlalchemy.orm import Session

from fixative.errors import Corrupt
from fixative.postgres.tables import TERMINAL_STATUSES, Job
from fixative.recovery.replay_rows import check_rows
from fixative.recovery.restore import restore

ENDED = Job.completed_at.is_not(None)


def bring_back_job(session: Session, job_id: uuid.UUID, manifest: Any, source: str) -> bool:
    """Restore the job of this manifest; False: what is there stays.

    What gives way: the same job where it had not ended, as in an older backup, to its end; and
    what history made meanwhile of its predictions. Raises Corrupt, RecordRefused or Conflict.
    """
    if not isinstance(manifest, dict):
        raise Corrupt("it tells of no job")
    check_rows(manifest, job_id)
    if manifest["job"]["status"] in TERMINAL_STATUSES:
        session.execute(delete(Job).where(Job.id == job_id, ~ENDED))
    return bool(restore(session, [manifest], source=source))
