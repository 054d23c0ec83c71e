"""Export: what a rebuild is to bring back, one line a job, the same whenever the content is.

Of a job that has not ended its request; of one that has, its result too; of a deleted one that it
was. docs/recovery.md lists the fields.
"""

import json
import uuid
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, load_only

from fixative.jobs.states import is_terminal
from fixative.postgres.engine import Database
from fixative.postgres.media_tables import Media
from fixative.postgres.tables import Attempt, Job

PAGE = 200
FIRST = uuid.UUID(int=0)
REQUEST = (
    *("id", "owner_id", "idempotency_key", "source", "job_type", "model", "version", "deployment"),
    *("input", "metadata", "label", "batch_id", "priority", "cancel_after", "created_at"),
)
RESULT = ("status", "error", "warnings", "submitted_at", "completed_at")
OF_MEDIA = ("role", "index", "name", "key", "bytes", "sha256")
TOMBSTONE = ("id", "owner_id", "deleted_at")


def export(database: Database) -> Iterator[str]:
    """Every job as a line of JSON without its end, in the order of ids, keys sorted, ASCII.

    Takes memory for a page. What changes while it is read may be seen before or after. Raises
    DatabaseAway.
    """
    last = FIRST
    while True:
        with database.begin() as session:
            page = select(Job).where(Job.id > last).order_by(Job.id).limit(PAGE)
            jobs = list(session.scalars(page))
            told = _told(session, jobs)
        if not jobs:
            return
        for each in told:
            yield json.dumps(each, sort_keys=True, separators=(",", ":"), default=_plain)
        last = jobs[-1].id


def _told(session: Session, jobs: list[Job]) -> list[dict[str, Any]]:
    ids = [job.id for job in jobs]
    attempts = {
        each.id: each for each in session.scalars(_attempts().where(Attempt.job_id.in_(ids)))
    }
    predictions = defaultdict[uuid.UUID, list[str]](list)
    for attempt in attempts.values():
        if attempt.prediction_id is not None:
            predictions[attempt.job_id].append(attempt.prediction_id)
    media = defaultdict[uuid.UUID, list[Media]](list)
    for item in session.scalars(select(Media).where(Media.job_id.in_(ids))):
        media[item.job_id].append(item)
    return [
        {**_fields(job, TOMBSTONE), "predictions": sorted(predictions[job.id])}
        if job.deleted_at is not None
        else _job(job, attempts.get(job.attempt_id or FIRST), media[job.id])
        for job in jobs
    ]


def _attempts() -> Any:
    wanted = load_only(Attempt.job_id, Attempt.prediction_id, Attempt.outcome, Attempt.prediction)
    return select(Attempt).options(wanted)


def _job(job: Job, attempt: Attempt | None, media: list[Media]) -> dict[str, Any]:
    if not is_terminal(job.status):
        return _fields(job, REQUEST)
    prediction = (attempt.prediction if attempt else None) or {}
    return {
        **_fields(job, (*REQUEST, *RESULT)),
        "attempt": attempt and {"prediction_id": attempt.prediction_id, "outcome": attempt.outcome},
        "output": prediction.get("output"),
        # By our own order of characters: that of a database is its server's.
        "media": [_fields(item, OF_MEDIA) for item in sorted(media, key=lambda item: item.name)],
    }


def _fields(row: Job | Media, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: getattr(row, "metadata_" if name == "metadata" else name) for name in names}


def _plain(value: Any) -> str:
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
    if isinstance(value, uuid.UUID):
        return str(value)
    raise TypeError(f"a row holds a {type(value).__name__}")
