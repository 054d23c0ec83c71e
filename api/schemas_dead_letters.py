"""What requests about dead letters must look like."""

from typing import Literal
from uuid import UUID

from pydantic import ConfigDict, Field, model_validator

from api.schemas import Body, Cursor, Parameters, PathId, Request, Text, exactly_one, one_of


class LetterFilter(Request):
    """Which dead letters a list shows, newest first."""

    task: Text | None = Field(None, description="The task's name, as fixative.store_outputs")
    job: UUID | None = Field(None, description="The id of the job that it was about")
    requeued: bool = Field(False, description="Those that were tried again, not the open ones")
    cursor: Cursor | None = None
    limit: int = Field(50, ge=1, le=200, description="So many a page")


class LetterPath(Parameters):
    """A dead letter, by its id."""

    letter_id: PathId = Field(description="The letter's id")


class RequeueRequest(Body):
    """Which letters are tried again: exactly one of ids, task, all."""

    model_config = ConfigDict(
        json_schema_extra={
            **one_of("ids", "task", "all"),
            "example": {"task": "fixative.store_outputs"},
        }
    )

    ids: list[UUID] | None = Field(None, min_length=1, max_length=1000)
    task: Text | None = None
    all: Literal[True] | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> "RequeueRequest":
        return exactly_one(self, "ids", "task", "all")
