"""A record of ours, replayed: the job made again, or what is known of it made richer."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session

from fixative.errors import RecordRefused
from fixative.jobs.ingest import ingest
from fixative.jobs.states import is_terminal
from fixative.media.manifest import PARTS
from fixative.postgres.tables import Attempt, Job
from fixative.recovery.replay_record import Record
from fixative.recovery.replay_rows import check_rows, predictions_of
from fixative.recovery.restore import give_way, restore
from fixative.recovery.restore_rows import inserts
from fixative.replicate.prediction import Prediction, richer

SOURCE = "records"
MOST_OF_AN_ID = 2**63 - 1


@dataclass(frozen=True)
class Own:
    """A record of ours that is to be replayed: its job, and what Replicate told of it."""

    job_id: uuid.UUID
    manifest: Mapping[str, Any]
    predictions: Mapping[uuid.UUID, Prediction]  # by the attempts that made them
    size: int  # of its record, in bytes


def read_own(record: Record, manifest: Mapping[str, Any], stem: str, size: int) -> Own | str:
    """What to replay of a record; or why it is not to be, in a word.

    Raises Corrupt, and RecordRefused when it does not tell of the job that its file is named after.
    """
    if stem != record.job_id:
        raise RecordRefused("its file is named after another job")
    try:
        job_id = uuid.UUID(record.job_id)
        check_rows(manifest, job_id)
    except ValueError as error:
        raise RecordRefused("its job has no id of ours") from error
    status = manifest["job"]["status"]
    if not is_terminal(status):
        return "unfinished"
    if status != "succeeded":
        return "failed"
    return Own(job_id, manifest, predictions_of(manifest), size)


def replay_own(session: Session, own: Own) -> str:
    """Bring back the job of a record that succeeded; what became of it, in a word.

    A job that is known is never made poorer, and one that was deleted stays so. One that had not
    ended here goes on as its prediction says, by the same `ingest` as live work, its media taken
    over as stored. Raises Corrupt, and RecordRefused where it would touch what is another's.
    """
    job = _locked(session, own.job_id)
    if job is not None and job.deleted_at is not None:
        return "deleted"
    if job is not None and str(job.owner_id) != own.manifest["job"]["owner_id"]:
        raise RecordRefused("the job is another owner's")
    if job is None and restore(session, [own.manifest], source=SOURCE):
        return "replayed"
    if job is not None and not is_terminal(job.status):
        _take_over(session, job, own)
    _refuse_others(session, own)
    changed = [_ingest(session, id_, told) for id_, told in own.predictions.items()]
    return "updated" if any(changed) else "already there"


def lock(session: Session, job_id: uuid.UUID) -> None:
    """Let nobody else who asks for it make or replace this job until the transaction ends."""
    session.execute(select(func.pg_advisory_xact_lock(job_id.int & MOST_OF_AN_ID)))


def _locked(session: Session, job_id: uuid.UUID) -> Job | None:
    """The job, if it is there; its attempts are locked before it, as `claim` does it.

    Another replay of it comes after this one: it might be made between the two locks.
    """
    lock(session, job_id)
    attempts = select(Attempt.id).where(Attempt.job_id == job_id).order_by(Attempt.number)
    session.execute(attempts.with_for_update())
    return session.get(Job, job_id, with_for_update=True)


def _refuse_others(session: Session, own: Own) -> None:
    """Raise RecordRefused where an attempt or a prediction is known to be another job's."""
    ids = [told.id for told in own.predictions.values()]
    known = or_(Attempt.id.in_(own.predictions), Attempt.prediction_id.in_(ids))
    if session.scalar(select(Attempt.id).where(known, Attempt.job_id != own.job_id).limit(1)):
        raise RecordRefused("its prediction is another job's")


def _take_over(session: Session, job: Job, own: Own) -> None:
    """Give a job that is under way here the attempt and the media of its end, if it has no other.

    What is stored already is then not fetched again.
    """
    newest = own.manifest["job"]["attempt_id"]
    if job.attempt_id is not None and str(job.attempt_id) != newest:
        return
    give_way(session, {job.id}, [told.id for told in own.predictions.values()])
    for part in ("attempts", "media"):
        for statement, rows in inserts(PARTS[part], own.manifest[part]):
            session.execute(statement.on_conflict_do_nothing(), rows)
    session.execute(update(Job).where(Job.id == job.id).values(attempt_id=newest))


def _ingest(session: Session, attempt_id: uuid.UUID, told: Prediction) -> bool:
    """Have one prediction ingested, if its attempt is known; whether that changed anything."""
    attempt = session.get(Attempt, attempt_id)
    if attempt is None:
        return False
    tells_more = richer(attempt.prediction, told.raw) != attempt.prediction
    return ingest(session, told, cause="replay", attempt=attempt).result == "moved" or tells_more
