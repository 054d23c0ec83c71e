"""What requests look like in Replicate's own words (its OpenAPI file)."""

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from api.schemas import Address, Body, Instant, Parameters, SubmissionHeaders
from fixative.catalog.entry import PART, VERSION, ModelName, Version
from fixative.errors import NotFound
from fixative.jobs.accept import JobRequest
from fixative.jobs.telling import REPLICATES_FORMAT
from fixative.replicate.target import Target

SHORTEST_SECONDS, LONGEST_SECONDS = 5, 86_400
DURATION = re.compile(r"(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,6})s?)?")
# What Replicate tells while a prediction runs has no end that could be missed. Here each is told
# once, when there is all of it and all of it is ours.
ENDS = ["succeeded", "failed", "canceled"]
TOLD = {"start": ["processing"], "output": ["succeeded"], "logs": ENDS, "completed": ENDS}

PageCursor = Annotated[
    str,
    Field(
        pattern=r"^(newer\.)?[A-Za-z0-9_-]{21}[AQgw]$",
        description="As `next` and `previous` of a page have it",
    ),
]
WebhookEvent = Literal["start", "output", "logs", "completed"]


def _duration(text: str) -> str:
    seconds = _seconds(text)
    if seconds is None or not SHORTEST_SECONDS <= seconds <= LONGEST_SECONDS:
        raise PydanticCustomError("duration", "a duration of 5 seconds to 24 hours, as 1h30m45s")
    return text


def _seconds(text: str) -> int | None:
    found = DURATION.fullmatch(text.strip())
    if found is None:
        return None
    hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return hours * 3600 + minutes * 60 + seconds


class PredictionBody(Body):
    """A prediction to be made by the model or deployment that the address names."""

    model_config = ConfigDict(json_schema_extra={"example": {"input": {"prompt": "a lighthouse"}}})

    input: dict[str, Any] = Field(description="What the model takes")
    webhook: Address | None = Field(None, description="Told of it in Replicate's format, signed")
    webhook_events_filter: list[WebhookEvent] | None = Field(
        None, description="output and completed when left out; output and logs come with the end"
    )
    webhook_completed: Address | None = Field(None, description="As old clients say `webhook`")
    stream: bool | None = Field(None, description="Means nothing: everything can be streamed")

    def request(self, target: Target, cancel_after: int | None = None) -> JobRequest:
        """The same in the core's words, with what the address and the headers say."""
        events = self.webhook_events_filter
        webhook = (self.webhook or self.webhook_completed) if events != [] else None
        told = [status for event in events or ["completed"] for status in TOLD[event]]
        return JobRequest(
            input=self.input,
            model=target.model,
            version=target.version,
            deployment=target.deployment,
            cancel_after=cancel_after,
            source="v1",
            webhook=webhook,
            webhook_events=list(dict.fromkeys(told)) if webhook else None,
            webhook_format=REPLICATES_FORMAT if webhook else None,
        )


class VersionedBody(PredictionBody):
    """A prediction to be made by the model that `version` names."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "version": "black-forest-labs/flux-schnell",
                "input": {"prompt": "a lighthouse in fog"},
            }
        }
    )

    version: Version | ModelName = Field(
        description="64 hex digits, owner/name:64hex, or owner/name"
    )

    @property
    def target(self) -> Target:
        """What it names: a version, or a model."""
        if re.fullmatch(VERSION, self.version):
            return Target(version=self.version)
        return Target(model=self.version)


class PredictionHeaders(SubmissionHeaders):
    """The headers of a create that mean something."""

    cancel_after: Annotated[str, AfterValidator(_duration)] | None = Field(
        None, alias="Cancel-After", description="A duration of 5 s to 24 h, as `90s` or `1h30m45s`"
    )
    retry_count: str | None = Field(
        None,
        alias="x-stainless-retry-count",
        description="Above 0, a client of Replicate's repeats what it sent within the last minute",
    )

    @property
    def seconds(self) -> int | None:
        """The duration of Cancel-After."""
        return None if self.cancel_after is None else _seconds(self.cancel_after)

    @property
    def is_repeat(self) -> bool:
        """Whether the client says that it sent the same before."""
        return self.retry_count not in {None, "0"}


class OwnedPath(Parameters):
    """A model or deployment, by its owner and name."""

    owner: str = Field(description="Its owner at Replicate")
    name: str = Field(description="Its name")

    @property
    def full_name(self) -> str:
        """Both in one. Raises NotFound for what can be no name."""
        if not all(re.fullmatch(PART, part) for part in (self.owner, self.name)):
            raise NotFound(f"no model or deployment {self.owner}/{self.name}")
        return f"{self.owner}/{self.name}"


class PredictionPath(Parameters):
    """A prediction, by its id here or the one it has at Replicate."""

    id: str = Field(description="The prediction's id")


class StreamQuery(Parameters):
    """What makes the address a link that needs no key."""

    sig: str | None = Field(None, description="The address's signature, as `urls.stream` has it")


class PredictionFilter(Parameters):
    """Which predictions a list shows, newest first, a hundred at a time."""

    created_after: Instant | None = Field(None, description="At that instant, or later")
    created_before: Instant | None = Field(None, description="Before that instant")
    source: Literal["web"] | None = Field(None, description="Those made in Replicate's web pages")
    cursor: PageCursor | None = None


class VersionPath(OwnedPath):
    """A version of a model."""

    version: str = Field(description="Its id: 64 hex digits")
