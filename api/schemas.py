"""What requests must look like. Unknown fields are refused: a typo is never paid for."""

from dataclasses import fields
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, TypeVar
from uuid import UUID

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from fixative.access.caller import read_networks
from fixative.access.keys import DEFAULT_SCOPES, GRACE
from fixative.access.owners import LONGEST_NAME, NAME_FORM
from fixative.catalog.entry import PART, ModelName, OwnerAndName, Version
from fixative.jobs.accept import JobRequest

TARGETS = ("model", "version", "deployment")


def _without_nul(text: str) -> str:
    if "\0" in text:
        raise PydanticCustomError("nul_character", "has a NUL character")
    return text


def _to_come(instant: datetime) -> datetime:
    if instant <= datetime.now(UTC):
        raise PydanticCustomError("past", "lies in the past")
    return instant


def _network(text: str) -> str:
    try:
        (network,) = read_networks([text])
    except ValueError as error:
        raise PydanticCustomError("network", "{reason}", {"reason": str(error)}) from None
    return str(network)


Text = Annotated[str, Field(max_length=255), AfterValidator(_without_nul)]
JobType = Annotated[str, Field(max_length=64, pattern=rf"^{PART}$")]
Moved = Literal[
    "submitting",
    "starting",
    "processing",
    "storing",
    "succeeded",
    "failed",
    "canceled",
]
Status = Literal["queued", Moved]
Event = Literal["start", "completed", "waiting", Moved]
Address = Annotated[str, Field(max_length=2048, pattern=r"^https?://\S+$")]
Events = Annotated[list[Event], Field(min_length=1, max_length=10)]
EVENTS = "completed when left out: succeeded, failed or canceled; start is processing"
IdempotencyKey = Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[\x20-\x7e]+$")]
Scope = Literal["submit", "read", "cancel", "media", "passthrough", "admin"]


class Request(BaseModel):
    """Base of all bodies and queries."""

    model_config = ConfigDict(extra="forbid")


AnyRequest = TypeVar("AnyRequest", bound=Request)


def exactly_one(request: AnyRequest, *names: str) -> AnyRequest:
    """The request, if one of these fields is given; else each that is at fault is named."""
    given = [name for name in names if getattr(request, name) is not None]
    if len(given) == 1:
        return request
    problem = PydanticCustomError("exactly_one", f"exactly one of {', '.join(names)}")
    raise ValidationError.from_exception_data(
        type(request).__name__,
        [
            InitErrorDetails(type=problem, loc=(name,), input=getattr(request, name))
            for name in given or names
        ],
    )


class Submission(Request):
    """A job to be done: exactly one of model, version, deployment, and its input."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "model": "black-forest-labs/flux-schnell",
                "input": {"prompt": "a lighthouse in fog"},
                "job_type": "image",
                "label": "lighthouses",
            }
        }
    )

    model: ModelName | None = Field(
        None, description="owner/name, run at its latest version; or a name in the registry"
    )
    version: Version | None = Field(None, description="64 hex digits, or owner/name:64hex")
    deployment: OwnerAndName | None = Field(None, description="owner/name of a deployment")
    input: dict[str, Any] = Field(description="What the model takes")
    job_type: JobType = Field("other", description="image, video, audio, text, or your own label")
    metadata: dict[str, Any] | None = Field(None, description="Kept with the job, yours")
    label: Text | None = Field(None, description="To find jobs by")
    priority: Literal["low", "normal", "high"] = "normal"
    webhook: Address | None = Field(None, description="Told of the job's events, signed")
    webhook_events: Events | None = Field(None, description=EVENTS)
    cancel_after: int | None = Field(
        None,
        ge=5,
        le=86_400,
        description="Seconds from now: not submitted by then, it ends as `canceled`; what is left"
        " then bounds its run",
    )
    cache: bool = Field(
        False, description="An earlier job of the same version, input and seed may answer"
    )

    @model_validator(mode="after")
    def _one_target(self) -> "Submission":
        return exactly_one(self, *TARGETS)

    def request(self) -> JobRequest:
        """The same in the core's words, but for what only says how it is answered."""
        asked = {field.name for field in fields(JobRequest)} & type(self).model_fields.keys()
        return JobRequest(**{name: getattr(self, name) for name in asked})


class WaitHeader(BaseModel):
    """The header of a request whose answer may be held back."""

    prefer: str | None = Field(
        None, alias="Prefer", description="`wait=N`: answer after N seconds (1–60) at the latest"
    )


class SubmissionHeaders(WaitHeader):
    """The headers of a submission that mean something."""

    idempotency_key: IdempotencyKey | None = Field(
        None,
        alias="Idempotency-Key",
        description="The same key with the same body is the same job, paid once",
    )


class ModelPath(BaseModel):
    """A model: its id or alias in the registry, or Replicate's owner/name."""

    model_id: str


class DriftRequest(Request):
    """How drift is looked for."""

    accept: bool = Field(False, description="What is found now is right from now on")


class JobPath(BaseModel):
    """A job, by its id."""

    job_id: str


class MediaPath(JobPath):
    """A stored object, by the name it has in its job."""

    name: str


class MediaQuery(BaseModel):
    """How a stored file is asked for."""

    sig: str | None = Field(None, max_length=64, description="The signature of a link, as given")
    presign: bool = Field(False, description="An address in the bucket instead of the bytes")


class WebhookQuery(BaseModel):
    """What we put into the address that Replicate calls: shown, and trusted for nothing."""

    job: str | None = None


OwnerName = Annotated[str, StringConstraints(max_length=LONGEST_NAME, pattern=NAME_FORM)]


class OwnerRequest(Request):
    """An owner to be made or changed."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"name": "gallery", "weight": 2, "retention_days": 30}}
    )

    name: OwnerName
    weight: float = Field(1, gt=0, le=1000, description="Twice the weight is twice the share")
    retention_days: int | None = Field(
        None, ge=1, le=36500, description="null: as FIXATIVE_RETENTION_DAYS says"
    )
    webhook: Address | None = Field(None, description="Told of jobs that name none themselves")
    webhook_events: Events | None = Field(None, description=EVENTS)


class KeyRequest(Request):
    """A key to be made; the owner is made too if absent."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"owner": "gallery", "scopes": ["submit", "read"]}}
    )

    owner: OwnerName
    scopes: list[Scope] | None = Field(
        None, min_length=1, description=f"{', '.join(DEFAULT_SCOPES)} when left out"
    )
    expires_at: Annotated[AwareDatetime, AfterValidator(_to_come)] | None = None
    allow: list[Annotated[str, AfterValidator(_network)]] | None = Field(
        None,
        min_length=1,
        max_length=100,
        description="The networks that it may be used from, as 10.1.0.0/16 or 2001:db8::/32",
    )
    per_minute: int | None = Field(
        None, ge=1, le=1_000_000, description="Requests; null: as FIXATIVE_KEY_PER_MINUTE says"
    )


class LetterFilter(Request):
    """Which dead letters a list shows, newest first."""

    task: Text | None = None
    job: UUID | None = None
    requeued: bool = Field(False, description="Those that were tried again, not the open ones")
    cursor: str | None = Field(None, max_length=64, description="`next` of the page before")
    limit: int = Field(50, ge=1, le=200)


class LetterPath(BaseModel):
    """A dead letter, by its id."""

    letter_id: str


class RequeueRequest(Request):
    """Which letters are tried again: exactly one of the three."""

    model_config = ConfigDict(json_schema_extra={"example": {"task": "fixative.store_outputs"}})

    ids: list[UUID] | None = Field(None, min_length=1, max_length=1000)
    task: Text | None = None
    all: Literal[True] | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> "RequeueRequest":
        if sum(value is not None for value in (self.ids, self.task, self.all)) != 1:
            raise PydanticCustomError("one_choice", "exactly one of ids, task, all")
        return self


class KeyPath(BaseModel):
    """A key, by its id or prefix."""

    key_id: str


class Rotation(Request):
    """How a key is replaced."""

    grace_seconds: int = Field(
        int(GRACE.total_seconds()), ge=0, le=2_592_000, description="So long the old one is good"
    )
