"""Tombstones: what was deleted stays so, whatever else still tells of it."""

import json
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Any

from sqlalchemy import func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from fixative.access.owners import ADMIN, ensure_owner
from fixative.errors import Corrupt
from fixative.jobs.delete import bury_jobs
from fixative.media.bucket import Bucket
from fixative.media.keys import Keys
from fixative.postgres.engine import Database
from fixative.postgres.tables import Attempt, Job
from fixative.recovery.rebuild_many import Written, bring_back
from fixative.recovery.rebuild_report import Report
from fixative.recovery.restore import keep_owner

KIND = "tombstones"


def honour_tombstones(database: Database, bucket: Bucket, keys: Keys, report: Report) -> None:
    """Have a tombstone row for each tombstone in the bucket; a job that is there is deleted.

    One that cannot be read is reported, and buries all the same the job that its name says.
    Raises BucketError or DatabaseAway.
    """
    buried = Job.deleted_at.is_not(None)
    bring = partial(_honour, report)
    bring_back(database, report, KIND, _written(bucket, keys, report), bring, done=buried)


def _written(bucket: Bucket, keys: Keys, report: Report) -> Iterator[Written]:
    for found in bucket.listing(keys.tombstones):
        name = found.key.removeprefix(keys.tombstones).removesuffix(".json")
        try:
            job_id = uuid.UUID(name)
        except ValueError:
            report.problem(f"{KIND}: unreadable", found.key, "its name is no job's id")
            continue
        yield Written(job_id, found.key, partial(bucket.read, found.key))


def _honour(report: Report, session: Session, written: Written, content: bytes) -> bool:
    try:
        owner_id, deleted_at, prediction_ids = _read(content)
    except Corrupt as error:
        report.problem(f"{KIND}: unreadable", written.name, str(error))
        owner_id, deleted_at, prediction_ids = None, datetime.now(UTC), []
    bury(session, written.job_id, owner_id, deleted_at, prediction_ids)
    return True


def _read(content: bytes) -> tuple[uuid.UUID, datetime, list[str]]:
    try:
        told: Any = json.loads(content)
        deleted_at = datetime.fromisoformat(told["deleted_at"])
        return uuid.UUID(told["owner_id"]), deleted_at, [str(id_) for id_ in told["prediction_ids"]]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise Corrupt(f"a tombstone that cannot be read: {error!r}") from error


def bury(
    session: Session,
    job_id: uuid.UUID,
    owner_id: uuid.UUID | None,
    deleted_at: datetime,
    prediction_ids: list[str],
) -> None:
    """Have the job as a tombstone that knows its predictions.

    An owner who is not known is the administrator. A job that is there, as in a backup that is
    older than the deletion, is deleted with all its objects; so is one that was made since of one
    of its predictions.
    """
    if owner_id is None:
        owner_id = ensure_owner(session, ADMIN).id
    keep_owner(session, owner_id)
    then = dict.fromkeys(("created_at", "updated_at", "completed_at", "deleted_at"), deleted_at)
    row: dict[str, Any] = {
        "id": job_id,
        "owner_id": owner_id,
        "status": "canceled",  # how it ended is not known any more
        "source": "rebuild",
        "job_type": "other",
        "input": {},
        "provenance": {"deleted_at": "bucket"},
        "acceptance_recorded_at": deleted_at,
        **then,
    }
    made = insert(Job).values(row).on_conflict_do_nothing(index_elements=["id"])
    if session.scalar(made.returning(Job.id)) is None:
        ended = {"status": "canceled", "completed_at": deleted_at}
        unfinished = update(Job).where(Job.id == job_id, Job.completed_at.is_(None))
        session.execute(unfinished.values(ended))
    theirs = select(Attempt.job_id).where(Attempt.prediction_id.in_(prediction_ids))
    bury_jobs(session, or_(Job.id == job_id, Job.id.in_(theirs)))
    session.execute(update(Job).where(Job.id == job_id).values(deleted_at=deleted_at))
    _keep_predictions(session, job_id, deleted_at, prediction_ids)


def _keep_predictions(
    session: Session, job_id: uuid.UUID, deleted_at: datetime, prediction_ids: list[str]
) -> None:
    known = select(Attempt.prediction_id).where(Attempt.prediction_id.in_(prediction_ids))
    unknown = set(prediction_ids) - set(session.scalars(known))
    last = session.scalar(select(func.max(Attempt.number)).where(Attempt.job_id == job_id)) or 0
    for number, prediction_id in enumerate(sorted(unknown), start=last + 1):
        session.add(
            Attempt(
                id=uuid7(),
                job_id=job_id,
                number=number,
                outcome="created",
                prediction_id=prediction_id,
                **dict.fromkeys(("created_at", "ended_at", "settled_at"), deleted_at),
            )
        )
    session.flush()
