"""What requests for recovery must look like."""

from typing import Annotated

from pydantic import ConfigDict, Field

from api.schemas import WHOLE, Body, Instant, Parameters, PathId, Request

DEFAULT_MOST = 2000
MOST_RESULTS = 2000


class SyncRequest(Body):
    """How far Replicate's history is to be walked back."""

    model_config = ConfigDict(json_schema_extra={"example": {"bootstrap": True}})

    bootstrap: bool = Field(
        False, description="All of it; else what is new since the last complete sync"
    )
    max_predictions: Annotated[int, Field(ge=1, le=2**31 - 1), WHOLE] | None = Field(
        DEFAULT_MOST,
        description="Predictions to read, known or not; null: no limit. The next sync goes on"
        " from where a limit ended one",
    )
    since: Instant | None = Field(None, description="Walk back to this time, inclusive")
    until: Instant | None = Field(None, description="Leave out what is not older than this")


class SyncHeaders(Parameters):
    """The header of a sync that means something."""

    prefer: str | None = Field(
        None,
        alias="Prefer",
        description="`wait=N`: answer after N seconds (1–60, 50 when left out) at the latest",
    )


class SyncPath(Parameters):
    """A sync, by its id."""

    sync_id: PathId = Field(description="The sync's id")


class SyncQuery(Request):
    """How much of a sync is shown."""

    limit: int = Field(100, ge=0, le=MOST_RESULTS, description="Results to show, first ones first")
