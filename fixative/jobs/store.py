"""The job rows: reading them, and the one way to move one."""

import uuid
from collections.abc import Collection
from typing import Any

from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

from fixative.errors import NotFound
from fixative.jobs.states import is_terminal, sources
from fixative.postgres.leases import Lease
from fixative.postgres.tables import Attempt, Job, Media, Transition


def get_job(session: Session, job_id: uuid.UUID, *, owner_id: uuid.UUID | None = None) -> Job:
    """The job; with an owner, only if it is theirs. Raises NotFound for wrong and foreign alike."""
    job = session.get(Job, job_id)
    if job is None or (owner_id is not None and job.owner_id != owner_id):
        raise NotFound(f"no job {job_id}")
    return job


def current_attempt(session: Session, job: Job) -> Attempt | None:
    """The job's newest attempt."""
    return None if job.attempt_id is None else session.get(Attempt, job.attempt_id)


def media_of(session: Session, job: Job) -> list[Media]:
    """What is stored of the job's newest attempt: originals in the output's order, then derived."""
    if job.attempt_id is None:
        return []
    rows = select(Media).where(Media.job_id == job.id, Media.attempt_id == job.attempt_id)
    return list(session.scalars(rows.order_by(Media.role != "original", Media.index, Media.name)))


def find_media(session: Session, job: Job, name: str) -> Media:
    """The job's stored object of this name, of whichever attempt. Raises NotFound."""
    found = session.scalars(select(Media).where(Media.job_id == job.id, Media.name == name))
    media = found.one_or_none()
    if media is None:
        raise NotFound(f"no {name} in job {job.id}")
    return media


def move(
    session: Session,
    job_id: uuid.UUID,
    to: str,
    *,
    cause: str,
    came_from: Collection[str] | None = None,
    lease: Lease | None = None,
    detail: str | None = None,
    **values: Any,
) -> bool:
    """Move the job by compare-and-set; the answer is whether it moved.

    It moves only from a status that the transition table allows, narrowed by `came_from`, and,
    with a lease, only while that lease is the newest. The move ends the lease and begins the next
    stage afresh; `values` are further columns of the row.
    """
    allowed = sources(to) if came_from is None else sources(to) & frozenset(came_from)
    found = select(Job.id, Job.status).where(Job.id == job_id, Job.status.in_(allowed))
    if lease is not None:
        found = found.where(Job.lease_token == lease.token)
    old = found.with_for_update().cte("old")
    fresh: dict[str, Any] = {
        "status": to,
        "updated_at": func.now(),
        "hinted_at": func.now(),
        "next_attempt_at": func.now(),
        "waiting_reason": None,
        "lease_until": None,
        "tries": 0,
    }
    if is_terminal(to):
        fresh["completed_at"] = func.now()
    came = session.scalar(
        update(Job).where(Job.id == old.c.id).values(fresh | values).returning(old.c.status)
    )
    if came is None:
        return False
    session.execute(
        insert(Transition).values(
            job_id=job_id, cause=cause, from_status=came, to_status=to, detail=detail
        )
    )
    return True


def error_of(
    code: str, message: str, *, retryable: bool = False, details: Any = None
) -> dict[str, Any]:
    """A job's `error`, in its wire shape."""
    return {"code": code, "message": message, "retryable": retryable, "details": details}
