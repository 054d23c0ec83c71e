"""A job as the outside sees it; every file's URL is made here, when read, and never stored."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from fixative.dollars import dollars
from fixative.hosts import AllowedHosts
from fixative.jobs.states import NEEDS_REVIEW
from fixative.media.outputs import find_files, put_at
from fixative.postgres.media_tables import Media
from fixative.postgres.operation_tables import DeadLetter
from fixative.postgres.tables import Attempt, Job
from fixative.replicate.prediction import expires_at

TOLD_OF_PREDICTION = (
    "status",
    "model",
    "version",
    "source",
    "created_at",
    "started_at",
    "completed_at",
    "metrics",
    "logs",
    "urls",
    "error",
    "data_removed",
)
TOLD_OF_LETTER = ("id", "task", "error_class", "message", "created_at")


def job_view(
    job: Job,
    attempt: Attempt | None,
    media: list[Media],
    letters: list[DeadLetter],
    *,
    address: Callable[[str], str],
    allowed: AllowedHosts,
    kept_days: int | None,
) -> dict[str, Any]:
    """The job in its wire shape; `address` makes a durable URL of a path.

    `allowed` tells which places of the output are files, so that a lost one can be shown as null.
    """
    return {
        **job_summary(job),
        "waiting": _waiting(job, attempt),
        "input": job.input,
        "webhook": job.webhook,
        "deadline": job.deadline,
        "prediction": _prediction(attempt),
        "output": _output(job, attempt, media, address, allowed),
        "media": [media_view(item, address) for item in media],
        "warnings": job.warnings or [],
        "media_expires_at": _media_expires_at(job, kept_days),
        "dead_letters": [
            {name: getattr(letter, name) for name in TOLD_OF_LETTER} for letter in letters
        ],
    }


def job_summary(job: Job) -> dict[str, Any]:
    """What a list shows of a job: all that its own row tells, but for the input."""
    return {
        "id": str(job.id),
        "status": job.status,
        "waiting": _waiting(job, None),
        "job_type": job.job_type,
        "model": job.model,
        "version": job.version,
        "deployment": job.deployment,
        "metadata": job.metadata_,
        "label": job.label,
        "batch_id": job.batch_id and str(job.batch_id),
        "priority": job.priority,
        "cancel_after": job.cancel_after,
        "owner_id": str(job.owner_id),
        "error": job.error,
        "cost": _cost(job),
        "source": job.source,
        "cancel_requested_at": job.cancel_requested_at,
        "created_at": job.created_at,
        "submitted_at": job.submitted_at,
        "completed_at": job.completed_at,
        "updated_at": job.updated_at,
    }


def media_view(media: Media, address: Callable[[str], str]) -> dict[str, Any]:
    """One stored object, with where to get it."""
    return {
        "name": media.name,
        "index": media.index,
        "role": media.role,
        "kind": media.kind,
        "content_type": media.content_type,
        "bytes": media.bytes,
        "sha256": media.sha256,
        "width": media.width,
        "height": media.height,
        "duration": media.duration,
        "details": media.details,
        "derive_error": media.derive_error,
        "url": address(media_path(media.job_id, media.name)),
    }


def media_path(job_id: uuid.UUID, name: str) -> str:
    """Where a stored object is served."""
    return f"/media/{job_id}/{name}"


def _media_expires_at(job: Job, kept_days: int | None) -> datetime | None:
    if job.completed_at is None or kept_days is None:
        return None
    return job.completed_at + timedelta(days=kept_days)


def _cost(job: Job) -> dict[str, str] | None:
    if job.cost is None:
        return None
    return {"amount": dollars(job.cost), "currency": "USD", "basis": job.cost_basis or ""}


def _waiting(job: Job, attempt: Attempt | None) -> dict[str, Any] | None:
    if job.waiting_reason is None or job.completed_at is not None:
        return None
    later = job.next_attempt_at > datetime.now(UTC)
    in_review = job.waiting_reason == NEEDS_REVIEW
    return {
        "reason": job.waiting_reason,
        "until": job.next_attempt_at if later else None,
        "candidates": attempt.candidates if attempt and in_review else None,
    }


def _prediction(attempt: Attempt | None) -> dict[str, Any] | None:
    if attempt is None or attempt.prediction_id is None:
        return None
    told = attempt.prediction or {}
    return {
        "id": attempt.prediction_id,
        **{name: told.get(name) for name in TOLD_OF_PREDICTION},
        "expires_at": expires_at(told),
    }


def _output(
    job: Job,
    attempt: Attempt | None,
    media: list[Media],
    address: Callable[[str], str],
    allowed: AllowedHosts,
) -> Any:
    """As Replicate gave it, with durable URLs in place; a lost file's place is null.

    Nothing before the job ended: until then some of its files are not ours yet.
    """
    if job.status not in {"succeeded", "failed"} or attempt is None:
        return None
    output = (attempt.prediction or {}).get("output")
    lost = [(pointer, None) for file in find_files(output, allowed) for pointer in file.pointers]
    stored = [
        (pointer, address(media_path(item.job_id, item.name)))
        for item in media
        for pointer in item.pointers
    ]
    return put_at(output, [*lost, *stored])
