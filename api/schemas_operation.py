"""What an operator's requests must look like."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, model_validator

from api.schemas import Body, Text, exactly_one, one_of
from fixative.catalog.entry import OwnerAndName


class PauseScope(Body):
    """Whose jobs: without a model those of all models, without an owner those of all owners."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"model": "black-forest-labs/flux-schnell"}}
    )

    model: OwnerAndName | None = Field(None, description="owner/name, as Replicate has it")
    owner: Text | None = Field(None, description="The owner's name")


class Settlement(Body):
    """What became of an unclear create: exactly one of prediction, absent."""

    model_config = ConfigDict(
        json_schema_extra={
            **one_of("prediction", "absent"),
            "example": {"prediction": "q5wzgy5k6hrmc0cz8e7s3bqf0r"},
        }
    )

    prediction: Annotated[str, Field(max_length=64, pattern=r"^[A-Za-z0-9]+$")] | None = Field(
        None, description="The id, at Replicate, of what it made"
    )
    absent: Literal[True] | None = Field(None, description="It made nothing")

    @model_validator(mode="after")
    def _one_end(self) -> "Settlement":
        return exactly_one(self, "prediction", "absent")
