"""What answers look like, for the OpenAPI document and for tests that hold us to it."""

from typing import Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from api.schemas import Status

JOB_ID = "019a3c1e-5b7d-7c3a-9f00-2d1e6a4b8c70"
OWNER_ID = "019a3c1e-0000-7000-8000-000000000001"
SHA256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
FILE_URL = f"https://fixative.example/media/{JOB_ID}/original.webp?sig=Q2hhbmdlIG1lIGxhdGVyIQ"


class Answer(BaseModel):
    """Base of all answers: nothing is answered that is not written here."""

    model_config = ConfigDict(extra="forbid")


class FieldProblem(Answer):
    """One place of a request that does not fit."""

    loc: list[str | int]
    msg: str
    type: str


class Problem(Answer):
    """Every error (RFC 9457); `errors` with 422."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[FieldProblem] | None = None


class Candidate(Answer):
    """A prediction that an unclear create may have made."""

    id: str
    status: str
    created_at: AwareDatetime
    model: str | None
    version: str | None
    names_this_attempt: bool
    same_input: bool


class Waiting(Answer):
    """Why a job does not move, and until when at least."""

    reason: str
    until: AwareDatetime | None
    candidates: list[Candidate] | None = Field(
        description="With `needs_review`, of a single job: what there is to choose from"
    )


class JobError(Answer):
    """Why a job failed, or was canceled."""

    code: str
    message: str
    retryable: bool
    details: Any = None


class PredictionPart(Answer):
    """What Replicate last told of the job's prediction, in its own words."""

    id: str
    status: str | None
    model: str | None
    version: str | None
    source: str | None
    created_at: str | None
    started_at: str | None
    completed_at: str | None
    expires_at: AwareDatetime | None
    metrics: Any
    logs: Any
    urls: Any
    error: Any
    data_removed: bool | None


class MediaPart(Answer):
    """One stored object."""

    name: str
    index: int
    role: str
    kind: str
    content_type: str
    bytes: int
    sha256: str
    width: int | None
    height: int | None
    duration: float | None = Field(description="Seconds")
    details: dict[str, Any] | None = Field(description="What else was found out about it")
    derive_error: str | None = Field(description="Why nothing could be derived from it")
    url: str


class LetterPart(Answer):
    """A task of the job that ended for good, and was not tried again yet."""

    id: UUID
    task: str
    error_class: str
    message: str
    created_at: AwareDatetime


class Cost(Answer):
    """What a job cost. A failed or canceled run costs what it ran."""

    amount: str
    currency: Literal["USD"]
    basis: str = Field(description="How it came about")


class JobSummary(Answer):
    """A job in a list."""

    id: UUID
    status: Status
    waiting: Waiting | None
    job_type: str
    model: str | None
    version: str | None
    deployment: str | None
    metadata: dict[str, Any] | None
    label: str | None
    batch_id: UUID | None
    priority: Literal["low", "normal", "high"]
    cancel_after: int | None = Field(description="Seconds, as asked for")
    owner_id: UUID
    error: JobError | None
    cost: Cost | None = Field(description="Of all its predictions; once it ended, with a price")
    source: str
    cancel_requested_at: AwareDatetime | None
    created_at: AwareDatetime
    submitted_at: AwareDatetime | None
    completed_at: AwareDatetime | None
    updated_at: AwareDatetime


EXAMPLE_JOB: dict[str, Any] = {
    "id": JOB_ID,
    "status": "succeeded",
    "waiting": None,
    "job_type": "image",
    "model": "black-forest-labs/flux-schnell",
    "version": None,
    "deployment": None,
    "input": {"prompt": "a lighthouse in fog"},
    "metadata": None,
    "label": "lighthouses",
    "batch_id": None,
    "priority": "normal",
    "cancel_after": None,
    "owner_id": OWNER_ID,
    "webhook": None,
    "deadline": None,
    "prediction": {
        "id": "q5wzgy5k6hrmc0cz8e7s3bqf0r",
        "status": "succeeded",
        "model": "black-forest-labs/flux-schnell",
        "version": "hidden",
        "source": None,
        "created_at": "2026-01-01T12:00:00.310Z",
        "started_at": "2026-01-01T12:00:00.402Z",
        "completed_at": "2026-01-01T12:00:01.513Z",
        "expires_at": "2026-01-01T13:00:01.513000Z",
        "metrics": {"predict_time": 1.1},
        "logs": "",
        "urls": None,
        "error": None,
        "data_removed": None,
    },
    "output": [FILE_URL],
    "media": [
        {
            "name": "original.webp",
            "index": 0,
            "role": "original",
            "kind": "image",
            "content_type": "image/webp",
            "bytes": 48213,
            "sha256": SHA256,
            "width": 1024,
            "height": 1024,
            "duration": None,
            "details": {"blurhash": "LEHV6nWB2yk8pyo0adR*.7kCMdnj"},
            "derive_error": None,
            "url": FILE_URL,
        }
    ],
    "warnings": [],
    "media_expires_at": None,
    "dead_letters": [],
    "error": None,
    "cost": {"amount": "0.003", "currency": "USD", "basis": "1 run × 0.003"},
    "source": "api",
    "cancel_requested_at": None,
    "created_at": "2026-01-01T12:00:00.120000Z",
    "submitted_at": "2026-01-01T12:00:00.250000Z",
    "completed_at": "2026-01-01T12:00:02.040000Z",
    "updated_at": "2026-01-01T12:00:02.040000Z",
}


class Job(JobSummary):
    """A job: what was asked for, and what became of it."""

    model_config = ConfigDict(json_schema_extra={"example": EXAMPLE_JOB})

    input: dict[str, Any]
    webhook: str | None = Field(description="Who is told of it")
    deadline: AwareDatetime | None = Field(description="What is not submitted by then ends")
    prediction: PredictionPart | None
    output: Any
    media: list[MediaPart]
    warnings: list[str]
    media_expires_at: AwareDatetime | None = Field(description="When it is deleted, by retention")
    dead_letters: list[LetterPart]
    cached: Literal[True] | None = Field(
        None, description="To a submission: an earlier job that answers it, at no cost"
    )
    stale: Literal[True] | None = Field(
        None, description="As it was last shown: Postgres, which knows how it stands, is away"
    )


class JobPage(Answer):
    """Jobs, newest first."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "items": [{name: EXAMPLE_JOB[name] for name in JobSummary.model_fields}],
                "next": "AZo8Hlt9fDqfAC0eakuMcA",
            }
        }
    )

    items: list[JobSummary]
    next: str | None = Field(description="The next page's `cursor`; null at the end")


class TimelineItem(Answer):
    """One thing that happened to a job."""

    at: AwareDatetime
    kind: str
    cause: str | None
    from_: str | None = Field(alias="from")
    to: str | None
    detail: str | None


class Timeline(Answer):
    """Everything that happened to a job, in order."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "items": [
                    {
                        "at": "2026-01-01T12:00:00.120000Z",
                        "kind": "transition",
                        "cause": "api",
                        "from": None,
                        "to": "queued",
                        "detail": None,
                    },
                    {
                        "at": "2026-01-01T12:00:00.250000Z",
                        "kind": "transition",
                        "cause": "task",
                        "from": "queued",
                        "to": "submitting",
                        "detail": None,
                    },
                ]
            }
        }
    )

    items: list[TimelineItem]
