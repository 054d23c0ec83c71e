"""What the answers under /admin look like, owners and keys aside."""

from typing import Any
from uuid import UUID

from pydantic import AwareDatetime, ConfigDict

from api.answer_schemas import JOB_ID, Answer

EXAMPLE_LETTER: dict[str, Any] = {
    "id": "019a3c1e-3333-7000-8000-000000000004",
    "task": "fixative.store_outputs",
    "arguments": {"job_id": JOB_ID},
    "job_id": JOB_ID,
    "error_class": "BucketError",
    "message": "the bucket does not answer as it should",
    "attempts": 12,
    "created_at": "2026-01-01T12:30:00.000000Z",
    "requeued_at": None,
}


class LetterItem(Answer):
    """A task that ended for good without doing its work."""

    model_config = ConfigDict(json_schema_extra={"example": EXAMPLE_LETTER})

    id: UUID
    task: str
    arguments: dict[str, Any]
    job_id: UUID | None
    error_class: str
    message: str
    attempts: int
    created_at: AwareDatetime
    requeued_at: AwareDatetime | None


class Letter(LetterItem):
    """The same, with where it happened."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {**EXAMPLE_LETTER, "traceback": "Traceback (most recent call last): …"}
        }
    )

    traceback: str


class LetterPage(Answer):
    """Dead letters, newest first."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"items": [EXAMPLE_LETTER], "next": None}}
    )

    items: list[LetterItem]
    next: str | None


class Requeued(Answer):
    """How many letters are tried again."""

    model_config = ConfigDict(json_schema_extra={"example": {"requeued": 3}})

    requeued: int
