"""Tombstones: what was deleted stays so, whatever else still tells of it."""

import json
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from sqlalchemy import and_, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from fixative.access.owners import ADMIN, ensure_owner
from fixative.errors import Corrupt
from fixative.jobs.delete import bury_jobs
from fixative.jobs.job_query import HISTORY
from fixative.media.bucket import Bucket
from fixative.media.keys import Keys
from fixative.postgres.engine import Database
from fixative.postgres.tables import Attempt, Job
from fixative.recovery.rebuild_many import Written, bring_back
from fixative.recovery.rebuild_report import Report
from fixative.recovery.restore import keep_owners

KIND = "tombstones"


@dataclass(frozen=True)
class Tombstone:
    """What was written of a deleted job; `told` are the fields of its row that come from there."""

    owner_id: uuid.UUID
    deleted_at: datetime
    prediction_ids: list[str]
    told: Sequence[str] = ("owner_id", "deleted_at", "attempts")


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
        tombstone = _read(content)
    except Corrupt as error:
        report.problem(f"{KIND}: unreadable", written.name, str(error))
        admin = ensure_owner(session, ADMIN).id
        tombstone = Tombstone(admin, datetime.now(UTC), [], told=())
    _bury(session, written.job_id, tombstone)
    return True


def _read(content: bytes) -> Tombstone:
    try:
        told: Any = json.loads(content)
        return Tombstone(
            uuid.UUID(told["owner_id"]),
            datetime.fromisoformat(told["deleted_at"]).astimezone(UTC),
            [str(id_) for id_ in told["prediction_ids"]],
        )
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
        raise Corrupt(f"a tombstone that cannot be read: {error!r}") from error


def _bury(session: Session, job_id: uuid.UUID, tombstone: Tombstone) -> None:
    """Have the job as a tombstone that knows its predictions.

    A job that is there, as in a backup that is older than the deletion, is deleted with all its
    objects; so is one that history has made since of one of its predictions.
    """
    owner_id, deleted_at = tombstone.owner_id, tombstone.deleted_at
    keep_owners(session, [owner_id])
    then = dict.fromkeys(("created_at", "updated_at", "completed_at", "deleted_at"), deleted_at)
    row: dict[str, Any] = {
        "id": job_id,
        "owner_id": owner_id,
        "status": "canceled",  # how it ended is not known any more
        "source": "rebuild",
        "job_type": "other",
        "input": {},
        "provenance": dict.fromkeys(("id", *tombstone.told), "bucket"),
        "acceptance_recorded_at": deleted_at,
        **then,
    }
    made = insert(Job).values(row).on_conflict_do_nothing(index_elements=["id"])
    if session.scalar(made.returning(Job.id)) is None:
        ended = {"status": "canceled", "completed_at": deleted_at}
        unfinished = update(Job).where(Job.id == job_id, Job.completed_at.is_(None))
        session.execute(unfinished.values(ended))
    theirs = select(Attempt.job_id).where(Attempt.prediction_id.in_(tombstone.prediction_ids))
    made_since = and_(Job.id.in_(theirs), Job.source == HISTORY)
    bury_jobs(session, or_(Job.id == job_id, made_since))
    session.execute(update(Job).where(Job.id == job_id).values(deleted_at=deleted_at))
    _keep_predictions(session, job_id, tombstone)


def _keep_predictions(session: Session, job_id: uuid.UUID, tombstone: Tombstone) -> None:
    prediction_ids, deleted_at = tombstone.prediction_ids, tombstone.deleted_at
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
