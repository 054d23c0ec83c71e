"""What answers about many jobs look like."""

from uuid import UUID

from pydantic import AwareDatetime, Field

from api.answer_schemas import Answer
from api.schemas import Status


class RefusedItem(Answer):
    """A job that was left as it is, and why."""

    id: UUID
    detail: str


class Dealt(Answer):
    """What became of the jobs that a filter found."""

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

    id: UUID
    label: str | None
    created_at: AwareDatetime
    total: int = Field(description="Deleted ones too, which are counted nowhere else")
    counts: Counts
