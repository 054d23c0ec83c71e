"""What requests for event streams must look like."""

from typing import Annotated

from pydantic import BaseModel, Field, WithJsonSchema

from api.schemas import OwnerName, Request

LARGEST = 2**63 - 1
EventId = Annotated[
    int,
    Field(ge=0, le=LARGEST),
    WithJsonSchema({"type": "string", "pattern": "^[0-9]{1,18}$"}),  # as the events have it
]


class EventsHeader(BaseModel):
    """What a client that comes back was told last."""

    last_event_id: EventId | None = Field(
        None,
        alias="Last-Event-ID",
        description="The stream goes on after this event; `after` is of no account then",
    )


class JobEventsQuery(Request):
    """Where a stream begins."""

    after: int | None = Field(
        None, ge=0, le=LARGEST, description="After this event: 0 for all; from now on if left out"
    )


class EventsQuery(JobEventsQuery):
    """Where a stream begins, and whose jobs it is about."""

    owner: OwnerName | None = Field(
        None, description="Of this owner; yours or, with the scope admin, everybody's if left out"
    )
