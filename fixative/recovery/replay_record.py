"""A record as it is read: the shape of ours, and of the records of other systems."""

import math
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field, ValidationError

from fixative.errors import Corrupt

LONGEST_ID = 200


def _instant(value: Any) -> Any:
    """An ISO 8601 text as a point in time, in UTC where it names no zone."""
    if not isinstance(value, str):
        raise ValueError("must be a time, as text")  # noqa: TRY004 - pydantic's own kind
    instant = datetime.fromisoformat(value)
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)


Instant = Annotated[datetime, BeforeValidator(_instant)]


class RecordedJob(BaseModel, strict=True):
    """What was asked for."""

    id: str
    prompt: str | None = None
    format: Any = None
    provider_config: dict[str, Any] | None = None
    metadata: dict[str, Any] | None = None
    created_at: Instant | None = None


class Record(BaseModel, strict=True):
    """A job's record; `fixative`, in ours, is its manifest."""

    job_id: str = Field(min_length=1, max_length=LONGEST_ID)
    job: RecordedJob
    result: Any = None
    error: Any = None
    completed_at: Instant | None = None
    processing_time: float | None = Field(None, ge=0, lt=math.inf)
    retry_count: int | None = Field(None, ge=0)
    fixative: dict[str, Any] | None = None


def read_record(value: Any) -> Record:
    """The record in this JSON. Raises Corrupt, which names every wrong field."""
    try:
        record = Record.model_validate(value)
    except (ValidationError, OverflowError) as error:
        raise Corrupt(f"no record: {_named(error)}") from None
    if record.job.id != record.job_id:
        raise Corrupt("no record: job.id is not job_id")
    return record


def _named(error: Exception) -> str:
    if not isinstance(error, ValidationError):
        return str(error)
    wrong = (f"{'.'.join(map(str, e['loc'])) or 'it'}: {e['msg']}" for e in error.errors())
    return "; ".join(wrong)
