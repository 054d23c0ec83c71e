"""What the answers in other services' shapes look like."""

from typing import Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, ConfigDict, Field

from api.answer_schemas import FILE_URL, JOB_ID, Answer

Word = Literal["pending", "processing", "succeeded", "failed", "canceled"]


class MediaAccepted(Answer):
    """The job that generates it."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"jobId": JOB_ID, "status": "pending", "estimatedTime": 2.5}}
    )

    jobId: UUID  # noqa: N815 - the shape's own names
    status: Word
    estimatedTime: float | None = Field(description="Seconds, as the registry has it")  # noqa: N815


class MediaStatus(Answer):
    """How it stands, and where the media are."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "jobId": JOB_ID,
                "status": "succeeded",
                "progress": 100,
                "mediaUrls": [FILE_URL],
                "output": [FILE_URL],
                "error": None,
            }
        }
    )

    jobId: UUID  # noqa: N815
    status: Word
    progress: float | None = Field(None, description="Percent; absent where the logs tell none")
    mediaUrls: list[str]  # noqa: N815
    output: Any
    error: str | None


class AsyncJob(Answer):
    """A job of the kind that is asked about every few seconds."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "id": JOB_ID,
                "type": "text",
                "status": "succeeded",
                "prediction_id": "q5wzgy5k6hrmc0cz8e7s3bqf0r",
                "output": "A lighthouse stands in fog.",
                "error": None,
                "created_at": "2026-01-01T12:00:00.120000Z",
                "updated_at": "2026-01-01T12:00:02.040000Z",
            }
        }
    )

    id: UUID
    type: str
    status: Word
    prediction_id: str | None
    output: Any = Field(description="Of a text model one text")
    error: str | None
    created_at: AwareDatetime
    updated_at: AwareDatetime
