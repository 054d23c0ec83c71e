"""The job rows: reading them, and the one way to move one."""

import uuid
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    bindparam,
    func,
    literal,
    select,
    tuple_,
)
from sqlalchemy.orm import Session

from fixative.errors import Gone, NotFound
from fixative.jobs.billing import settle
from fixative.jobs.counted import count_move, count_reopening
from fixative.jobs.move_statements import MOVE, REOPEN
from fixative.jobs.states import is_terminal, sources
from fixative.postgres.engine import once_committed
from fixative.postgres.leases import Lease
from fixative.postgres.media_tables import Media
from fixative.postgres.notes import LONGEST
from fixative.postgres.prepared import Prepared, whole
from fixative.postgres.tables import TERMINAL_STATUSES, Attempt, Job

JOB = Prepared[Job](select(*whole(Job)).where(Job.id == bindparam("its_id")), Job)
ATTEMPT = Prepared[Attempt](
    select(*whole(Attempt)).where(Attempt.id == bindparam("its_id")), Attempt
)
ATTEMPTS = select(Attempt).where(Attempt.id.in_(bindparam("of_jobs", expanding=True)))
MEDIA = Prepared[Media](
    select(*whole(Media))
    .where(Media.job_id == bindparam("of_job"), Media.attempt_id == bindparam("of_attempt"))
    .order_by(Media.role != "original", Media.index, Media.name),
    Media,
)


def get_job(session: Session, job_id: uuid.UUID) -> Job:
    """The job, or what is left of it. Raises NotFound."""
    job = JOB.first(session, its_id=job_id)
    if job is None:
        raise NotFound(f"no job {job_id}")
    return job


def find_job(session: Session, job_id: uuid.UUID, *, owner_id: uuid.UUID | None) -> Job:
    """The job as it may be shown to this owner; None: to whoever sees all.

    Raises NotFound, for wrong and foreign ids alike, and Gone once it is deleted.
    """
    job = get_job(session, job_id)
    check_shown(job_id, job.owner_id, deleted=job.deleted_at is not None, to=owner_id)
    return job


def check_shown(
    job_id: uuid.UUID, owner_id: uuid.UUID, *, deleted: bool, to: uuid.UUID | None
) -> None:
    """Raise NotFound for a job that is not the owner's `to` whom it is shown, Gone once deleted."""
    if to is not None and owner_id != to:
        raise NotFound(f"no job {job_id}")
    if deleted:
        raise Gone(f"job {job_id} was deleted")


def current_attempt(session: Session, job: Job) -> Attempt | None:
    """The job's newest attempt."""
    return None if job.attempt_id is None else ATTEMPT.first(session, its_id=job.attempt_id)


def current_attempts(session: Session, jobs: Sequence[Job]) -> dict[uuid.UUID, Attempt]:
    """The newest attempts of these jobs, by their jobs' ids."""
    ids = [job.attempt_id for job in jobs if job.attempt_id is not None]
    found = session.scalars(ATTEMPTS, {"of_jobs": ids}) if ids else ()
    return {attempt.job_id: attempt for attempt in found}


def media_of(session: Session, job: Job) -> list[Media]:
    """What is stored of the job's newest attempt: originals in the output's order, then derived."""
    if job.attempt_id is None:
        return []
    return MEDIA.all(session, of_job=job.id, of_attempt=job.attempt_id)


def media_of_each(session: Session, jobs: Sequence[Job]) -> dict[uuid.UUID, list[Media]]:
    """The same of each of these jobs."""
    found: dict[uuid.UUID, list[Media]] = {job.id: [] for job in jobs}
    attempts = [(job.id, job.attempt_id) for job in jobs if job.attempt_id is not None]
    if attempts:
        rows = select(Media).where(tuple_(Media.job_id, Media.attempt_id).in_(attempts))
        for media in session.scalars(
            rows.order_by(Media.role != "original", Media.index, Media.name)
        ):
            found[media.job_id].append(media)
    return found


def find_media(session: Session, job: Job, name: str) -> Media:
    """The job's stored object of this name, of whichever attempt. Raises NotFound."""
    found = session.scalars(select(Media).where(Media.job_id == job.id, Media.name == name))
    media = found.one_or_none()
    if media is None:
        raise NotFound(f"no {name} in job {job.id}")
    return media


NO_WAIT = timedelta(0)


def move(
    session: Session,
    job_id: uuid.UUID,
    to: str,
    *,
    cause: str,
    came_from: Collection[str] | None = None,
    lease: Lease | None = None,
    detail: str | None = None,
    error: dict[str, Any] | None = None,
    waiting: str | None = None,
    wait: timedelta = NO_WAIT,
    keep_tries: bool = False,
    submitted_at: datetime | None = None,
    expires_at: datetime | None = None,
    derive: bool = False,
) -> bool:
    """Move the job by compare-and-set; the answer is whether it moved.

    It moves only from a status that the transition table allows, narrowed by `came_from`, and,
    with a lease, only while that lease is the newest. The move ends the lease and begins the next
    stage afresh, due after `wait`; it is written down with its cause in the same statement. Where
    it ends the job, or an attempt of it, the money is settled too.
    """
    allowed = sources(to) if came_from is None else sources(to) & frozenset(came_from)
    values = {
        "job_id": job_id,
        "to": to,
        "cause": cause,
        "allowed": list(allowed),
        "token": None if lease is None else lease.token,
        "detail": detail or (error and f"{error['code']}: {error['message']}"[:LONGEST]),
        "error": error,
        "waiting": waiting,
        "wait": wait,
        "keep_tries": keep_tries,
        # Back in the queue by adoption, or taken out of it: nobody came back from the last try.
        "survived": lease is not None or to not in {"queued", "submitting"},
        "submitted_at": submitted_at,
        "expires_at": expires_at,
        "derive": derive,
        "terminal": is_terminal(to),
    }
    moved = MOVE.first(session, **values)
    if moved is None:
        return False
    if moved.priced and (to == "queued" or is_terminal(to)):
        settle(session, job_id)
    once_committed(session, lambda: count_move(moved, to, cause, error))
    return True


def reopen(
    session: Session,
    job_id: uuid.UUID,
    to: str,
    *,
    cause: str,
    detail: str,
    expires_at: datetime | None = None,
    fair_at: datetime | None = None,
) -> bool:
    """Move an ended job back; the answer is whether it moved.

    To `storing` with the attempt it has; or to `queued`, for another: those that were made so far
    count no more. Nothing of the end stays but the transition that led to it.
    """
    values = {
        "job_id": job_id,
        "to": to,
        "anew": to == "queued",
        "ended": list(TERMINAL_STATUSES),
        "cause": cause,
        "detail": detail,
        "expires_at": expires_at,
        "fair_at": fair_at,
    }
    was = session.connection().scalar(REOPEN, values)
    if was is not None:
        once_committed(session, lambda: count_reopening(was, to, cause))
    return was is not None


def with_warning(warning: str) -> ColumnElement[Any]:
    """A job's warnings with this one after those it has."""
    so_far = func.coalesce(Job.warnings, literal([], Job.warnings.type))
    return so_far.op("||")(literal([warning], Job.warnings.type))


def error_of(
    code: str, message: str, *, retryable: bool = False, details: Any = None
) -> dict[str, Any]:
    """A job's `error`, in its wire shape."""
    return {"code": code, "message": message, "retryable": retryable, "details": details}
