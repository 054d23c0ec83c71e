"""What the answers under /admin look like, owners and keys aside."""

from typing import Any
from uuid import UUID

from pydantic import AwareDatetime, ConfigDict

from api.answer_schemas import Answer


class LetterItem(Answer):
    """A task that ended for good without doing its work."""

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

    traceback: str


class LetterPage(Answer):
    """Dead letters, newest first."""

    items: list[LetterItem]
    next: str | None


class Requeued(Answer):
    """How many letters are tried again."""

    model_config = ConfigDict(json_schema_extra={"example": {"requeued": 3}})

    requeued: int
