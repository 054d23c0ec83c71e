"""A record of another system, replayed: a text job that ended as the record says.

It asks nothing of Replicate, so its attempt has no prediction's id; its output stands where a
prediction's would.
"""

import uuid
from contextlib import suppress
from datetime import datetime
from typing import Any

from sqlalchemy import func
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from fixative.access.owners import ADMIN, ensure_owner
from fixative.errors import RecordRefused
from fixative.postgres.tables import Attempt, Job, Transition
from fixative.recovery.replay_record import Record

NAMESPACE = uuid.UUID("7f0c3c7e-5a0e-5b0b-9a7c-6a1d2f0f4c11")  # of ids that are no UUIDs; fixed
SOURCE = "replay"
NOTHING: tuple[Any, ...] = (None, "", [], {})


def job_id_of(record: Record) -> uuid.UUID:
    """The record's own id where it is a UUID, else one that is always the same for it."""
    with suppress(ValueError):
        return uuid.UUID(record.job_id)
    return uuid.uuid5(NAMESPACE, record.job_id)


def check_foreign(record: Record) -> str | None:
    """Why the record is not to be replayed, in a word; None: it is."""
    if record.error not in NOTHING:
        return "failed"
    if record.completed_at is None:
        return "unfinished"
    return "without a result" if record.result in NOTHING else None


def replay_foreign(session: Session, record: Record) -> str:
    """Make the job, the administrator's, unless it is there; what became of it, in a word.

    Raises RecordRefused when its id is that of a job of ours.
    """
    job_id = job_id_of(record)
    job = session.get(Job, job_id)
    if job is not None:
        if job.source != SOURCE:
            raise RecordRefused("its id is that of a job of ours")
        return "deleted" if job.deleted_at is not None else "already there"
    owner = ensure_owner(session, ADMIN)
    began, ended = record.job.created_at or record.completed_at, record.completed_at
    assert began and ended  # noqa: S101, PT018 - checked before
    attempt_id = uuid.uuid5(job_id, "1")
    named = {} if str(job_id) == record.job_id.lower() else {"original_id": record.job_id}
    row = insert(Job).values(
        {
            Job.id: job_id,
            Job.owner_id: owner.id,
            Job.status: "succeeded",
            Job.source: SOURCE,
            Job.job_type: "text",
            Job.model: _model(record),
            Job.input: _input(record),
            Job.metadata_: {**(record.job.metadata or {}), **named} or None,
            Job.attempt_id: attempt_id,
            Job.provenance: dict.fromkeys(("input", "metadata", "attempts"), "records"),
            Job.acceptance_recorded_at: func.now(),
            Job.record_due_at: func.now(),
            Job.created_at: began,
            Job.submitted_at: began,
            Job.completed_at: ended,
        }
    )
    if session.scalar(row.on_conflict_do_nothing().returning(Job.id)) is None:
        return "already there"
    session.add(
        Attempt(
            id=attempt_id,
            job_id=job_id,
            number=1,
            outcome="created",
            created_at=began,
            ended_at=ended,
            settled_at=ended,
            prediction_status="succeeded",
            prediction=_prediction(record, began, ended),
        )
    )
    session.add(Transition(job_id=job_id, cause="replay", to_status="succeeded"))
    session.flush()
    return "replayed"


def _input(record: Record) -> dict[str, Any]:
    asked = {"prompt": record.job.prompt, "format": record.job.format}
    config = record.job.provider_config or {}
    return {**config, **{name: value for name, value in asked.items() if value is not None}}


def _model(record: Record) -> str | None:
    told = record.result.get("model") if isinstance(record.result, dict) else None
    model = told or (record.job.provider_config or {}).get("model")
    return model if isinstance(model, str) else None


def _prediction(record: Record, began: datetime, ended: datetime) -> dict[str, Any]:
    """What took a prediction's place. `output` is the result's text where it has one."""
    result = record.result
    text = result.get("text") if isinstance(result, dict) else None
    usage = result.get("usage") if isinstance(result, dict) else None
    return {
        "status": "succeeded",
        "created_at": began.isoformat(),
        "completed_at": ended.isoformat(),
        "output": text if isinstance(text, str) else result,
        "metrics": {
            **({"predict_time": record.processing_time} if record.processing_time else {}),
            **(usage if isinstance(usage, dict) else {}),
        },
    }
