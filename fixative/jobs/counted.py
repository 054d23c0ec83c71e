"""What becomes of jobs and attempts, counted and logged when it is committed."""

import uuid
from datetime import UTC, datetime
from typing import Any

import structlog
from sqlalchemy.orm import Session

from fixative.errors import MalformedPrediction
from fixative.jobs.states import is_terminal
from fixative.postgres.engine import once_committed
from fixative.postgres.tables import Job
from fixative.replicate.prediction import read_instant
from fixative.telemetry import metrics, tracing
from fixative.telemetry.labels import ERRORS, JOB_TYPES, MODELS, among

log = structlog.get_logger(__name__)


def name_of_model(job: Any) -> str | None:
    """owner/name of the model, or deployment, of a job or of a request for one, if it is known."""
    return job.model or job.deployment or (job.version or "").rpartition(":")[0] or None


def labels_of(job: Any) -> tuple[str, str]:
    """The labels `job_type` and `model` of a job."""
    return among(JOB_TYPES, job.job_type), MODELS.label(name_of_model(job))


def count_accepted(job_id: uuid.UUID, asked: Any, began: datetime) -> None:
    """A job was taken in, as it is `asked` for, by work that began then."""
    metrics.JOBS_ACCEPTED.labels(*labels_of(asked)).inc()
    about = {"job_type": asked.job_type, "model": name_of_model(asked)}
    now = datetime.now(UTC)
    tracing.tell("accept", job_id, began, now, **about)
    duration = round((now - began).total_seconds(), 4)
    log.info("job_accepted", job_id=str(job_id), **about, duration=duration, input=asked.input)


def count_move(moved: Any, to: str, cause: str, error: dict[str, Any] | None) -> None:
    """A job moved; `moved` is the answer of `MOVE`."""
    of_job = labels_of(moved)
    code = among(ERRORS, (error or {}).get("code"))
    metrics.JOB_MOVES.labels(moved.was, to, cause).inc()
    in_status = max(0.0, (moved.at - (moved.since or moved.created_at)).total_seconds())
    metrics.STATUS_SECONDS.labels(moved.was).observe(in_status)
    if moved.started:
        metrics.JOBS_STARTED.labels(*of_job).inc()
    if to == "succeeded":
        metrics.JOBS_COMPLETED.labels(*of_job).inc()
        metrics.JOB_SECONDS.labels(*of_job).observe((moved.at - moved.created_at).total_seconds())
    elif to == "failed":
        metrics.JOBS_FAILED.labels(*of_job, code).inc()
    elif to == "canceled":
        metrics.JOBS_CANCELED.labels(*of_job, code).inc()
    about = {
        "owner_id": str(moved.owner_id),
        "job_type": moved.job_type,
        "model": name_of_model(moved),
        "cause": cause,
        **({"error": code, "told": error.get("message")} if error else {}),
    }
    step = {"from": moved.was, "to": to, "duration": round(in_status, 4)}
    log.info("job_moved", job_id=str(moved.id), **about, **step)
    if is_terminal(to):
        about.pop("told", None)
        tracing.tell_job(moved.id, moved.created_at, moved.at, status=to, **about)


def count_reopening(was: str, to: str, cause: str) -> None:
    """An ended job moved back."""
    metrics.JOB_MOVES.labels(was, to, cause).inc()


def count_attempt(session: Session, outcome: str, *, adopted: bool = False) -> None:
    """An attempt came to this, if the transaction commits."""

    def count() -> None:
        metrics.ATTEMPTS.labels(outcome).inc()
        metrics.ADOPTED.inc(adopted)
        metrics.DUPLICATES.inc(outcome == "duplicate")

    once_committed(session, count)


def count_end(session: Session, job: Job, merged: dict[str, Any], cause: str) -> None:
    """The end of a job's prediction was learnt by this cause, if the transaction commits."""
    ended_at = _instant(merged.get("completed_at"))
    started_at = _instant(merged.get("started_at"))

    def count() -> None:
        metrics.PREDICTION_ENDS.labels(cause).inc()
        if ended_at and started_at and merged["status"] == "succeeded":
            seconds = (ended_at - started_at).total_seconds()
            metrics.PREDICTION_SECONDS.labels(*labels_of(job)).observe(seconds)
        if ended_at and cause == "webhook":
            late = (datetime.now(UTC) - ended_at).total_seconds()
            metrics.WEBHOOK_LATENCY.observe(max(0.0, late))

    once_committed(session, count)


def _instant(told: Any) -> datetime | None:
    try:
        return read_instant(told)
    except MalformedPrediction:
        return None
