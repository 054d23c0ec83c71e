"""Importing: jobs made of predictions that nobody of ours asked for, a whole page at a time."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, text
from sqlalchemy.orm import Session
from sqlalchemy.types import Boolean, Text, Uuid

from fixative.access.owners import ADMIN, ensure_owner
from fixative.errors import MalformedPrediction
from fixative.jobs.ingest import STATUS_OF_JOB, ending_error
from fixative.jobs.states import is_terminal
from fixative.recovery.json_text import json_text
from fixative.recovery.kinds import kind_of
from fixative.replicate.prediction import Prediction, expires_at, read_instant

NAMESPACE = uuid.UUID("9f0c6e0a-6d4b-5f0e-8d53-2c5f6d1b7a11")  # never to be changed
NOTHING: tuple[Any, ...] = (None, "", [], {})
FOR_GOOD = timedelta(days=36_500)  # Replicate keeps what was made in the browser
HIDDEN = ("hidden", "dp-", "d-")  # name no version
FROM_REPLICATE = (
    *("created_at", "submitted_at", "completed_at", "model", "version", "deployment", "input"),
    *("status", "error", "job_type", "attempts"),
)

# One statement for a page: history is long, and what waits for it is the database's own time.
# JSON travels as text, since it is kept as it was written: it may spell a NUL.
IMPORT = text("""
    WITH found AS (
        SELECT * FROM json_to_recordset(CAST(:found AS json)) AS r(
            job_id uuid, attempt_id uuid, status text, job_type text, model text, version text,
            deployment text, input text, error text, provenance text, expires_at timestamptz,
            terminal boolean, created_at timestamptz, completed_at timestamptz,
            prediction_id text, prediction_status text, prediction text)
    ), made AS (
        INSERT INTO jobs (
            id, owner_id, source, status, job_type, model, version, deployment, input, error,
            provenance, attempt_id, expires_at, created_at, submitted_at, completed_at,
            acceptance_recorded_at, record_due_at, hinted_at)
        SELECT job_id, :owner_id, 'sync', status, job_type, model, version, deployment,
            input::json, error::json, provenance::json, attempt_id, expires_at, created_at,
            created_at, completed_at, now(), -- accepted elsewhere: there is nothing to record
            CASE WHEN terminal THEN now() END,
            now() - interval '1 minute' -- no hint is under way: the sweep goes by what dies first
        FROM found
        -- What is there was made by an earlier import, and this much is left of it. By no join:
        -- the plan that is kept was made for a small table, and would scan a large one.
        ON CONFLICT (id) DO UPDATE SET id = excluded.id WHERE jobs.deleted_at IS NULL
        RETURNING id, xmax = 0 AS created
    ), attempted AS (
        INSERT INTO attempts (
            id, job_id, number, version, outcome, created_at, ended_at, settled_at,
            prediction_id, prediction_status, prediction)
        SELECT attempt_id, job_id, 1, version, 'created', created_at, created_at, now(),
            prediction_id, prediction_status, prediction::json
        FROM found JOIN made ON made.id = found.job_id
        ON CONFLICT (prediction_id) DO NOTHING
        RETURNING job_id, prediction_id
    ), moved AS (
        INSERT INTO transitions (job_id, cause, to_status, detail)
        SELECT job_id, 'sync', status, 'made of a prediction in Replicate''s history'
        FROM found JOIN made ON made.id = found.job_id WHERE created
    )
    SELECT prediction_id, job_id, created
    FROM attempted JOIN made ON made.id = attempted.job_id
""").bindparams(bindparam("found", type_=Text), bindparam("owner_id", type_=Uuid))


@dataclass(frozen=True)
class Imported:
    """What an import did for one prediction: made a job, or gave one its attempt back."""

    prediction_id: str
    job_id: uuid.UUID
    created: bool


def job_id_of(prediction: Prediction) -> uuid.UUID:
    """The same id for the same prediction, whoever imports it and when; ordered by its time.

    A UUIDv7 whose random part is not random: lists of jobs go by their ids.
    """
    name = uuid.uuid5(NAMESPACE, prediction.id).bytes
    milliseconds = max(0, int(prediction.created_at.timestamp() * 1000))
    made = bytearray(milliseconds.to_bytes(6, "big") + name[6:])
    made[6] = 0x70 | made[6] & 0x0F
    return uuid.UUID(bytes=bytes(made))


def import_predictions(session: Session, predictions: Sequence[Prediction]) -> list[Imported]:
    """Make a job of each, of source `sync`, for the owner `admin`.

    None of them belongs to an attempt that is known. Files that may still live are due to be
    stored, soonest gone first; where they are gone the job has succeeded, without media. No hint
    is needed: the sweep finds what is due. What another import has made meanwhile is left alone.
    """
    owner_id = ensure_owner(session, ADMIN).id
    rows = [_row(prediction) for prediction in predictions]
    done = session.execute(
        IMPORT.columns(prediction_id=Text, job_id=Uuid, created=Boolean),
        {"found": json_text(rows), "owner_id": owner_id},
    )
    return [Imported(*row) for row in done]


def _row(prediction: Prediction) -> dict[str, Any]:
    """The prediction as the statement takes it."""
    raw, status = prediction.raw, status_of(prediction)
    return {
        "job_id": str(job_id_of(prediction)),
        "attempt_id": str(uuid.uuid5(NAMESPACE, f"attempt of {prediction.id}")),
        "status": status,
        "terminal": is_terminal(status),
        "job_type": kind_of(prediction),
        "model": prediction.model,
        "version": _version(prediction),
        "deployment": prediction.deployment,
        "input": json_text(prediction.input),
        "error": json_text(ending_error(raw)) if status in {"failed", "canceled"} else None,
        "provenance": json_text(dict.fromkeys(FROM_REPLICATE, "replicate")),
        "expires_at": _expires_at(prediction) if status == "storing" else None,
        "created_at": prediction.created_at.isoformat(),
        "completed_at": _completed_at(prediction) if is_terminal(status) else None,
        "prediction_id": prediction.id,
        "prediction_status": prediction.status,
        "prediction": json_text(raw),
    }


def status_of(prediction: Prediction) -> str:
    """The status of a job made of it: `succeeded` at once where there is nothing left to store."""
    raw = prediction.raw
    if (
        prediction.status == "succeeded"
        and raw.get("data_removed")
        and raw.get("output") in NOTHING
    ):
        return "succeeded"
    return STATUS_OF_JOB[prediction.status]


def _version(prediction: Prediction) -> str | None:
    version = prediction.version
    return None if version is None or version.startswith(HIDDEN) else version


def _expires_at(prediction: Prediction) -> str:
    """When its files go, as far as it tells; of what ended at an unknown time, the soonest."""
    if prediction.raw.get("source") == "web":
        return (prediction.created_at + FOR_GOOD).isoformat()
    return (expires_at(prediction.raw) or prediction.created_at).isoformat()


def _completed_at(prediction: Prediction) -> str:
    try:
        return read_instant(prediction.raw.get("completed_at")).isoformat()
    except MalformedPrediction:
        return datetime.now(UTC).isoformat()
