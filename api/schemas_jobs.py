"""What requests about many jobs must look like: which are meant, and what is done to them."""

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import ConfigDict, Field, ValidationError, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from api.schemas import (
    WHOLE,
    Body,
    Cursor,
    IdempotencyKey,
    Instant,
    Parameters,
    PathId,
    Request,
    Status,
    Submission,
    Text,
    exactly_one,
    one_of,
)
from fixative.jobs.batches import BatchRequest, Item
from fixative.jobs.job_query import JobQuery

Reason = Literal[
    "any", "pace", "breaker", "credit", "token", "upstream", "needs_review", "paused", "spend_cap"
]


class BatchItem(Submission):
    """A job of a batch."""

    idempotency_key: IdempotencyKey | None = Field(
        default=None, description="The same key with the same job is the same job, paid once"
    )


class BatchSubmission(Body):
    """Jobs to be taken in together."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "label": "lighthouses, in all weathers",
                "jobs": [
                    {
                        "model": "black-forest-labs/flux-schnell",
                        "input": {"prompt": f"a lighthouse in {weather}"},
                        "idempotency_key": f"lighthouse-{weather}",
                    }
                    for weather in ("fog", "rain")
                ],
            }
        }
    )

    jobs: list[BatchItem] = Field(min_length=1, max_length=1000)
    label: Text | None = Field(default=None, description="What the batch is called")

    @model_validator(mode="after")
    def _no_key_twice(self) -> "BatchSubmission":
        problem = PydanticCustomError("key_twice", "this key stands in the batch twice")
        seen, twice = set[str](), list[InitErrorDetails]()
        for n, job in enumerate(self.jobs):
            key = job.idempotency_key
            if key in seen:
                loc = ("jobs", n, "idempotency_key")
                twice.append(InitErrorDetails(type=problem, loc=loc, input=key))
            elif key is not None:
                seen.add(key)
        if twice:
            raise ValidationError.from_exception_data(type(self).__name__, twice)
        return self

    def request(self) -> BatchRequest:
        """The same in the core's words."""
        items = [Item(job.request(), job.idempotency_key, job.cache) for job in self.jobs]
        return BatchRequest(items, self.label)


class BatchPath(Parameters):
    """A batch, by its id."""

    batch_id: PathId = Field(description="The batch's id")


def _at_least_one(schema: dict[str, Any]) -> None:
    schema["anyOf"] = one_of(*schema["properties"])["oneOf"]


class JobConditions(Request):
    """Which jobs are meant: those of which all of this holds."""

    model_config = ConfigDict(json_schema_extra=_at_least_one)

    status: Status | None = Field(default=None, description="How they stand")
    model: Text | None = Field(default=None, description="As it was asked for")
    job_type: Text | None = Field(default=None, description="As it was asked for")
    owner: Text | None = Field(default=None, description="Name or id; of whoever sees all jobs")
    label: Text | None = Field(default=None, description="As it was asked for")
    batch: UUID | None = Field(default=None, description="The id of their batch")
    waiting: Reason | None = Field(
        default=None, description="Those that wait, for this reason or for any"
    )
    created_after: Instant | None = Field(default=None, description="Accepted then or later")
    created_before: Instant | None = Field(default=None, description="Accepted before")
    q: Text | None = Field(default=None, description="Words of the prompt; each must occur")

    def query(self, owner_id: UUID | None) -> JobQuery:
        """The same in the core's words, of this owner's jobs; None: of everybody's."""
        return JobQuery(
            owner_id=owner_id,
            owner=self.owner,
            statuses=None if self.status is None else (self.status,),
            model=self.model,
            job_type=self.job_type,
            label=self.label,
            batch_id=self.batch,
            waiting=self.waiting,
            created_after=self.created_after,
            created_before=self.created_before,
            words=self.q,
        )


class JobFilter(JobConditions):
    """Which jobs a list shows, newest first."""

    cursor: Cursor | None = None
    limit: int = Field(50, ge=1, le=200, description="So many a page")


class Selection(Body):
    """Which jobs are acted on, newest first: exactly one of filter, all."""

    model_config = ConfigDict(
        json_schema_extra={
            **one_of("filter", "all"),
            "example": {"filter": {"label": "lighthouses"}},
        }
    )

    filter: JobConditions | None = None
    all: Literal[True] | None = None
    cursor: Cursor | None = Field(None, description="`next` of the answer before")
    limit: Annotated[int, Field(ge=1, le=500), WHOLE] = Field(
        100, description="So many are looked at"
    )

    @model_validator(mode="after")
    def _one_of_them(self) -> "Selection":
        if self.filter is not None and not any(v is not None for _, v in self.filter):
            raise PydanticCustomError("empty_filter", 'an empty filter means all: say "all": true')
        return exactly_one(self, "filter", "all")

    def query(self, owner_id: UUID | None) -> JobQuery:
        """The same in the core's words."""
        return (self.filter or JobConditions()).query(owner_id)


class RetryRequest(Body):
    """How a job is retried."""

    model_config = ConfigDict(json_schema_extra={"example": {"pay_again": True}})

    pay_again: bool = Field(False, description="Another attempt may be made, which costs money")


class RetrySelection(Selection):
    """Which jobs are retried, and how."""

    pay_again: bool = Field(False, description="Other attempts may be made, which cost money")
