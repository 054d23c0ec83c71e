"""What requests about notifications must look like."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import ConfigDict, Field, model_validator

from api.schemas import Body, Cursor, Parameters, PathId, Request, exactly_one, one_of
from api.schemas_jobs import JobConditions, Selection

State = Literal["pending", "delivered", "given_up"]


class NotificationFilter(Request):
    """Which notifications a list shows, newest first."""

    owner: UUID | None = Field(None, description="The owner's id")
    job: UUID | None = Field(None, description="The job's id")
    state: State | None = Field(None, description="How the telling of it stands")
    cursor: Cursor | None = None
    limit: int = Field(50, ge=1, le=200, description="So many a page")


class NotificationPath(Parameters):
    """A notification, by its id."""

    notification_id: PathId = Field(description="The notification's id")


class NotificationReplay(Body):
    """Which notifications are told once more: exactly one of ids, state."""

    model_config = ConfigDict(
        json_schema_extra={**one_of("ids", "state"), "example": {"state": "given_up"}}
    )

    ids: Annotated[list[UUID], Field(min_length=1, max_length=1000)] | None = None
    state: Literal["delivered", "given_up"] | None = None
    owner: UUID | None = Field(None, description="Of this owner only, by its id")
    job: UUID | None = Field(None, description="Of this job only")

    @model_validator(mode="after")
    def _one_of_them(self) -> "NotificationReplay":
        return exactly_one(self, "ids", "state")


class PublishConditions(JobConditions):
    """Which jobs' ends are published: those of which all of this holds."""

    source: Literal["api", "v1", "sync", "replay", "rebuild"] | None = Field(
        default=None, description="From where they came; looked at are the others too"
    )


class PublishSelection(Selection):
    """Which jobs' ends are published, newest first: exactly one of filter, all."""

    model_config = ConfigDict(
        json_schema_extra={
            **one_of("filter", "all"),
            "example": {"filter": {"created_after": "2026-08-07T00:00:00Z"}},
        }
    )

    filter: PublishConditions | None = None
