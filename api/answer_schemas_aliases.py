"""What the answers in other services' shapes look like."""

from typing import Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from api.answer_schemas import Answer

Word = Literal["pending", "processing", "succeeded", "failed", "canceled"]


class MediaAccepted(Answer):
    """The job that generates it."""

    jobId: UUID  # noqa: N815 - the shape's own names
    status: Word
    estimatedTime: float | None = Field(description="Seconds, as the registry has it")  # noqa: N815


class MediaStatus(Answer):
    """How it stands, and where the media are."""

    jobId: UUID  # noqa: N815
    status: Word
    progress: float | None = Field(None, description="Percent; absent where the logs tell none")
    mediaUrls: list[str]  # noqa: N815
    output: Any
    error: str | None


class AsyncJob(Answer):
    """A job of the kind that is asked about every few seconds."""

    id: UUID
    type: str
    status: Word
    prediction_id: str | None
    output: Any = Field(description="Of a text model one text")
    error: str | None
    created_at: AwareDatetime
    updated_at: AwareDatetime
