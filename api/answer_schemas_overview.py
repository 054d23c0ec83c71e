"""What the overview looks like: the last hour, and now."""

from typing import Any

from pydantic import AwareDatetime, ConfigDict, Field

from api.answer_schemas import JOB_ID, Answer
from api.schemas import Status

AT = "2026-01-01T12:00:00Z"
EXAMPLE: dict[str, Any] = {
    "minutes": [{"at": AT, "accepted": 12, "succeeded": 11, "failed": 1}],
    "stages": [
        {"status": "queued", "jobs": 3, "due_since": AT, "oldest": JOB_ID, "waiting": "pace"}
    ],
    "accepted": 12,
    "success_rate": 0.917,
    "p50_seconds": 2.4,
    "p95_seconds": 6.1,
    "told_by": {"webhook": 11, "poll": 1},
    "expires_at": None,
}


class MinutePart(Answer):
    """The jobs that were accepted within one minute, and what became of them by now."""

    at: AwareDatetime
    accepted: int
    succeeded: int
    failed: int


class StagePart(Answer):
    """The unfinished jobs of one status, and the one of them that is due for longest."""

    status: Status
    jobs: int
    due_since: AwareDatetime
    oldest: str
    waiting: str | None


class Overview(Answer):
    """What the jobs of the last hour became, and what is under way now."""

    model_config = ConfigDict(json_schema_extra={"example": EXAMPLE})

    minutes: list[MinutePart]
    stages: list[StagePart]
    accepted: int
    success_rate: float | None = Field(description="Of those that succeeded or failed")
    p50_seconds: float | None = Field(description="From acceptance to stored media")
    p95_seconds: float | None
    told_by: dict[str, int] = Field(description="Ends of predictions, by how we heard of them")
    expires_at: AwareDatetime | None = Field(description="Of the first output not stored yet")
