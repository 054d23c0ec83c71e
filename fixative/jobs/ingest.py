"""Ingest: the one function that turns a prediction, from any source, into a job's new state."""

import re
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import bindparam, func, update
from sqlalchemy.orm import Session

from fixative.jobs.billing import settle
from fixative.jobs.claim import Claimed, Unclaimed, claim
from fixative.jobs.counted import count_end
from fixative.jobs.states import is_terminal
from fixative.jobs.store import error_of, move
from fixative.jobs.work import work_on
from fixative.names import CANCEL_PREDICTION, RECORD_RESULT, STORE_OUTPUTS, Hint
from fixative.postgres.prepared import Prepared
from fixative.postgres.tables import Attempt, Job
from fixative.replicate.prediction import RUNNING, Prediction, expires_at, remnant, richer

STATUS_OF_JOB = {
    "starting": "starting",
    "processing": "processing",
    "succeeded": "storing",
    "failed": "failed",
    "canceled": "canceled",
    "aborted": "canceled",
}
KEEP = Prepared[Any](
    update(Attempt)
    .where(Attempt.id == bindparam("kept"))
    .values(prediction=bindparam("told"), prediction_status=bindparam("status"))
)
ERROR_CODES = (
    ("invalid_input", re.compile(r"failed validation|validation error", re.IGNORECASE)),
    ("out_of_memory", re.compile(r"out of memory|E1001\b", re.IGNORECASE)),
    ("timeout", re.compile(r"timed? ?out", re.IGNORECASE)),
)


@dataclass(frozen=True)
class Ingested:
    """What became of a prediction, in a word, and the hints to send once it is committed."""

    result: str  # moved, known, older_attempt, duplicate, deleted, set_aside, stranger
    job: Job | None = None
    hints: list[Hint] = field(default_factory=list)


def ingest(
    session: Session, prediction: Prediction, *, cause: str, attempt: Attempt | None = None
) -> Ingested:
    """Keep what this prediction tells, and move its job as far as it says; never back.

    Safe twice, late and out of order. `attempt` is given by who knows that it made the prediction;
    every other source has it claimed. An older attempt's events touch that attempt and nothing
    else; a duplicate's too, but it is cancelled for as long as it runs.
    """
    claimed = claim(session, prediction, cause, attempt)
    if isinstance(claimed, Unclaimed):
        return Ingested(claimed.value)
    with work_on("ingest", claimed.job, claimed.attempt, cause=cause):
        return _read(session, prediction, cause, claimed)


def _read(session: Session, prediction: Prediction, cause: str, claimed: Claimed) -> Ingested:
    """What the prediction tells of its job, for its owner among the attempts."""
    job, owner, is_news = claimed
    merged = richer(owner.prediction, prediction.raw)
    kept = _keep(session, owner, merged if job.deleted_at is None else remnant(merged))
    changed = kept or is_news
    if changed and job.price is not None and merged["status"] not in RUNNING:
        settle(session, job.id)
    if changed and is_terminal(job.status) and job.deleted_at is None:
        session.execute(update(Job).where(Job.id == job.id).values(record_due_at=func.now()))
    if owner.outcome == "duplicate":
        return Ingested("duplicate", job, [_cancel(job)] if merged["status"] in RUNNING else [])
    if job.deleted_at is not None:
        return Ingested("deleted", job)
    if job.attempt_id != owner.id:
        return Ingested("older_attempt", job)
    if job.status == "queued":  # proven absent, it seemed; it was created all the same
        move(session, job.id, "submitting", cause=cause, detail="its prediction turned up")
    to = STATUS_OF_JOB[merged["status"]]
    moved = move(
        session,
        job.id,
        to,
        cause=cause,
        error=ending_error(merged) if to in {"failed", "canceled"} else None,
        submitted_at=owner.created_at,
        expires_at=expires_at(merged) if to == "storing" else None,
    )
    if moved and merged["status"] not in RUNNING:
        count_end(session, job, merged, cause)
    return Ingested("moved" if moved else "known", job, _following(job, to, moved))


def _keep(session: Session, attempt: Attempt, merged: dict[str, Any]) -> bool:
    """Keep what is known of the prediction now; whether that is anything new."""
    if merged == attempt.prediction:
        return False
    KEEP.all(session, kept=attempt.id, told=merged, status=merged["status"])
    return True


def _following(job: Job, to: str, moved: bool) -> list[Hint]:
    if moved and (to == "storing" or is_terminal(to)):
        task = STORE_OUTPUTS if to == "storing" else RECORD_RESULT
        return [Hint(task, {"job_id": str(job.id)})]
    if job.cancel_requested_at is not None and not is_terminal(to):
        return [_cancel(job)]
    return []


def _cancel(job: Job) -> Hint:
    return Hint(CANCEL_PREDICTION, {"job_id": str(job.id)})


def ending_error(merged: dict[str, Any]) -> dict[str, Any]:
    """The job's error for a prediction that ended without success."""
    status, message = merged["status"], str(merged.get("error") or "")
    if status != "failed":
        return error_of(status, message or f"Replicate reports the prediction {status}")
    code = next((code for code, seen in ERROR_CODES if seen.search(message)), "model_error")
    return error_of(code, message or "the model failed without a message")
