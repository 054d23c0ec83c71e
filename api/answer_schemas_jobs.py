"""What answers about many jobs look like."""

from uuid import UUID

from pydantic import AwareDatetime, ConfigDict, Field

from api.answer_schemas import JOB_ID, Answer
from api.schemas import Status

BATCH_ID = "019a3c1e-4444-7000-8000-000000000005"


class RefusedItem(Answer):
    """A job that was left as it is, and why."""

    id: UUID
    detail: str


class Dealt(Answer):
    """What became of the jobs that a filter found."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "matched": 2,
                "done": 1,
                "ids": [JOB_ID],
                "refused": [
                    {
                        "id": "019a3c1e-5b7d-7c3a-9f00-2d1e6a4b8c71",
                        "detail": "another attempt costs money: say so with pay_again: true",
                    }
                ],
                "next": None,
            }
        }
    )

    matched: int = Field(description="How many were looked at")
    done: int
    ids: list[UUID] = Field(description="Of those done")
    refused: list[RefusedItem]
    next: str | None = Field(description="The `cursor` that goes on with the rest; null at the end")


class BatchJob(Answer):
    """A job that was asked for in a batch, as it stands."""

    id: UUID
    status: Status


class AcceptedBatch(Answer):
    """A batch, and the jobs of the request in its order."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {"batch_id": BATCH_ID, "jobs": [{"id": JOB_ID, "status": "queued"}]}
        }
    )

    batch_id: UUID
    jobs: list[BatchJob]


class Counts(Answer):
    """How many jobs there are of each status."""

    queued: int
    submitting: int
    starting: int
    processing: int
    storing: int
    succeeded: int
    failed: int
    canceled: int


class Batch(Answer):
    """How a batch stands."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "id": BATCH_ID,
                "label": "lighthouses, in all weathers",
                "created_at": "2026-01-01T12:00:00.000000Z",
                "total": 2,
                "counts": {
                    "queued": 0,
                    "submitting": 0,
                    "starting": 0,
                    "processing": 1,
                    "storing": 0,
                    "succeeded": 1,
                    "failed": 0,
                    "canceled": 0,
                },
            }
        }
    )

    id: UUID
    label: str | None
    created_at: AwareDatetime
    total: int = Field(description="Deleted ones too, which are counted nowhere else")
    counts: Counts
