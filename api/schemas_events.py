"""What requests for event streams must look like."""

import re
from typing import Annotated

from pydantic import BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from api.schemas import OwnerName, Parameters, Request

LARGEST = 2**63 - 1
DIGITS = "^[0-9]{1,18}$"


def _in_digits(text: str) -> str:
    if not re.match(DIGITS, text):
        raise PydanticCustomError("event_id", "is no event's number")
    return text


# As events have it: text.
EventId = Annotated[
    int, BeforeValidator(_in_digits), WithJsonSchema({"type": "string", "pattern": DIGITS})
]


class EventsHeader(Parameters):
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
