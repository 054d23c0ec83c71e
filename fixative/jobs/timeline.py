"""The timeline: everything that happened to a job, in order, each with its cause."""

from datetime import datetime
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from fixative.jobs.accept import ACCEPTED_HERE
from fixative.postgres.media_tables import Media
from fixative.postgres.notes import Note
from fixative.postgres.notification_tables import Notification
from fixative.postgres.operation_tables import DeadLetter
from fixative.postgres.tables import Attempt, Delivery, Job, Transition


def timeline(session: Session, job: Job) -> list[dict[str, Any]]:
    """All that happened to the job, oldest first."""
    attempts = list(session.scalars(select(Attempt).where(Attempt.job_id == job.id)))
    items = [
        *_transitions(session, job),
        *(item for attempt in attempts for item in _attempt(attempt)),
        *_deliveries(session, job, attempts),
        *_media(session, job),
        *_notifications(session, job),
        *_record(job),
        *_letters(session, job),
        *_notes(session, job),
    ]
    return sorted(items, key=lambda item: item["at"])


def _item(at: Any, kind: str, **rest: Any) -> dict[str, Any]:
    return {"at": at, "kind": kind, "cause": None, "from": None, "to": None, "detail": None} | rest


def _transitions(session: Session, job: Job) -> list[dict[str, Any]]:
    rows = select(Transition).where(Transition.job_id == job.id).order_by(Transition.id)
    return [
        _item(
            row.at,
            "transition",
            cause=row.cause,
            **{"from": row.from_status, "to": row.to_status},
            detail=row.detail,
        )
        for row in session.scalars(rows)
    ]


def _attempt(attempt: Attempt) -> list[dict[str, Any]]:
    made = _item(attempt.created_at, "attempt", to="open", detail=f"attempt {attempt.number}")
    if attempt.ended_at is None:
        return [made]
    ended = _item(
        attempt.settled_at or attempt.ended_at,
        "attempt",
        **{"from": "open", "to": attempt.outcome},
        detail=attempt.prediction_id or attempt.error,
    )
    return [made, ended]


def _deliveries(session: Session, job: Job, attempts: list[Attempt]) -> list[dict[str, Any]]:
    ids = [attempt.prediction_id for attempt in attempts if attempt.prediction_id]
    rows = select(Delivery).where(or_(Delivery.job_id == job.id, Delivery.prediction_id.in_(ids)))
    return [
        _item(
            row.received_at,
            "delivery",
            cause="webhook",
            to=row.prediction_status,
            detail=f"{row.webhook_id}: {row.result or 'not read yet'}",
        )
        for row in session.scalars(rows)
    ]


def _media(session: Session, job: Job) -> list[dict[str, Any]]:
    rows = select(Media).where(Media.job_id == job.id)
    return [
        _item(row.created_at, "media", to="stored", detail=f"{row.name}, {row.bytes} bytes")
        for row in session.scalars(rows)
    ]


def _notifications(session: Session, job: Job) -> list[dict[str, Any]]:
    rows = select(Notification).where(Notification.job_id == job.id)
    return [
        _item(
            datetime.fromisoformat(line["at"]),
            "notification",
            to="put_off" if line["error"] else "told",
            detail=f"{row.event}, {row.url}: {line['error'] or line['status']}",
        )
        for row in session.scalars(rows)
        for line in row.log
    ]


def _record(job: Job) -> list[dict[str, Any]]:
    """When the acceptance was written down, if it was here: of a job brought back nobody knows."""
    at = job.acceptance_recorded_at
    if at is None or job.source not in ACCEPTED_HERE or job.provenance is not None:
        return []
    return [_item(at, "record", to="accepted")]


def _letters(session: Session, job: Job) -> list[dict[str, Any]]:
    rows = select(DeadLetter).where(DeadLetter.job_id == job.id)
    return [
        _item(
            row.created_at,
            "dead_letter",
            to="requeued" if row.requeued_at else "open",
            detail=f"{row.task}, {row.error_class}: {row.message}",
        )
        for row in session.scalars(rows)
    ]


def _notes(session: Session, job: Job) -> list[dict[str, Any]]:
    rows = select(Note).where(Note.job_id == job.id)
    return [
        _item(row.at, row.kind, cause=row.cause, to=row.about, detail=row.detail)
        for row in session.scalars(rows)
    ]
