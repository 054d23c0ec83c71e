"""What requests must look like. Unknown fields are refused: a typo is never paid for."""

import re
from dataclasses import fields
from datetime import date
from typing import Annotated, Any, ClassVar, Literal, Self, TypeVar

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from api.answers import dump
from fixative.access.owners import LONGEST_NAME, NAME_FORM
from fixative.catalog.entry import PART, ModelName, OwnerAndName, Version
from fixative.jobs.accept import JobRequest

TARGETS = ("model", "version", "deployment")


def _written_out(value: Any) -> Any:
    """Numbers would be taken for seconds since 1970."""
    if isinstance(value, str) and re.match(r"\d{4}-", value):
        return value
    raise PydanticCustomError("time", "is no time as RFC 3339 writes it")


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


WHOLE = BeforeValidator(_whole)  # to JSON 1.0 is one
Text = Annotated[str, Field(max_length=255, pattern=r"^[^\x00]*$")]
Instant = Annotated[AwareDatetime, Field(strict=False), BeforeValidator(_written_out)]
Day = Annotated[date, BeforeValidator(_written_out)]
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
PathId = Annotated[str, Field(json_schema_extra={"format": "uuid"})]  # what is none: 404, not 422
Cursor = Annotated[
    str,
    Field(pattern="^[A-Za-z0-9_-]{21}[AQgw]$", description="`next` of the page before"),
]
Scope = Literal["submit", "read", "cancel", "media", "passthrough", "admin"]


class Parameters(BaseModel):
    """Base of what a request says beside its body: in its path, its query and its headers."""

    @classmethod
    def model_json_schema(cls, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """As pydantic makes it, once: flask-openapi3 asks for it anew at each request."""
        if args or kwargs:
            return super().model_json_schema(*args, **kwargs)
        if "_schema" not in vars(cls):
            cls._schema = super().model_json_schema()
        return cls._schema

    _schema: ClassVar[dict[str, Any]]


class Request(Parameters):
    """Base of all bodies and queries."""

    model_config = ConfigDict(extra="forbid")


class Body(Request):
    """Base of all bodies: JSON has types of its own, where a query has text alone."""

    model_config = ConfigDict(strict=True)

    @classmethod
    def model_validate(cls, obj: Any, **_: Any) -> Self:
        """The body of a JSON value. Raises ValidationError, for 0 in place of false too."""
        return cls.model_validate_json(dump(obj))


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


def one_of(*names: str) -> dict[str, Any]:
    """The same, as the OpenAPI document says it."""
    return {
        "oneOf": [
            {"required": [name], "properties": {name: {"not": {"type": "null"}}}} for name in names
        ]
    }


class Submission(Body):
    """A job to be done: exactly one of model, version, deployment, and its input."""

    model_config = ConfigDict(
        json_schema_extra={
            **one_of(*TARGETS),
            "example": {
                "model": "black-forest-labs/flux-schnell",
                "input": {"prompt": "a lighthouse in fog"},
                "job_type": "image",
                "label": "lighthouses",
            },
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
    priority: Literal["low", "normal", "high"] = Field("normal", description="Among your own jobs")
    webhook: Address | None = Field(None, description="Told of the job's events, signed")
    webhook_events: Events | None = Field(None, description=EVENTS)
    cancel_after: Annotated[int, Field(ge=5, le=86_400), WHOLE] | None = Field(
        None,
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


class WaitHeader(Parameters):
    """The header of a request whose answer may be held back."""

    prefer: str | None = Field(
        None, alias="Prefer", description="`wait=N`: answer after N seconds (1–60) at the latest"
    )


class IdempotencyHeader(Parameters):
    """The header that makes a submission safe to repeat."""

    idempotency_key: IdempotencyKey | None = Field(
        None,
        alias="Idempotency-Key",
        description="The same key with the same body is the same job, paid once",
    )


class SubmissionHeaders(WaitHeader, IdempotencyHeader):
    """The headers of a submission that mean something."""


class JobHeaders(WaitHeader):
    """The headers of a look at a job that mean something."""

    if_none_match: str | None = Field(
        None, alias="If-None-Match", description="The ETag of what you have: 304 while it is so"
    )


class StoredHeaders(Parameters):
    """The headers of a request for stored bytes that mean something."""

    range: str | None = Field(
        None, alias="Range", description="`bytes=FIRST-LAST`: this part; several are passed over"
    )
    if_range: str | None = Field(
        None, alias="If-Range", description="The ETag of the whole; of another, all is sent"
    )
    if_none_match: str | None = Field(
        None, alias="If-None-Match", description="The ETag of what you have: 304 while it is so"
    )


class ModelPath(Parameters):
    """A model, by its name."""

    model_id: str = Field(description="Its id or alias in the registry, or Replicate's owner/name")


class DriftRequest(Body):
    """How drift is looked for."""

    model_config = ConfigDict(json_schema_extra={"example": {"accept": False}})

    accept: bool = Field(False, description="What is found now is right from now on")


class JobPath(Parameters):
    """A job, by its id."""

    job_id: PathId = Field(description="The job's id")


class MediaPath(JobPath):
    """A stored object, by the name it has in its job."""

    name: str = Field(description="`name` of one of the job's `media`")


class MediaQuery(Parameters):
    """How a stored file is asked for."""

    sig: str | None = Field(None, max_length=64, description="The signature of a link, as given")
    presign: bool = Field(False, description="An address in the bucket instead of the bytes")


OwnerName = Annotated[str, StringConstraints(max_length=LONGEST_NAME, pattern=NAME_FORM)]


class OwnerRequest(Body):
    """An owner to be made or changed."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"name": "gallery", "weight": 2, "retention_days": 30}}
    )

    name: OwnerName
    weight: float = Field(1, gt=0, le=1000, description="Twice the weight is twice the share")
    retention_days: Annotated[int, Field(ge=1, le=36_500), WHOLE] | None = Field(
        None, description="null: as FIXATIVE_RETENTION_DAYS says"
    )
    webhook: Address | None = Field(None, description="Told of jobs that name none themselves")
    webhook_events: Events | None = Field(None, description=EVENTS)


class OwnerPath(Parameters):
    """An owner, by name."""

    name: str = Field(description="The owner's name")
