"""What answers about models look like."""

from typing import Any, Literal

from pydantic import AwareDatetime, Field

from api.answer_schemas import Answer


class PricePart(Answer):
    """US dollars, as decimal text: the sum of what is named, each for one unit."""

    per_run: str | None
    per_second: str | None
    per_image: str | None
    per_input_token: str | None
    per_output_token: str | None


class ModelSummary(Answer):
    """A model as it is offered here."""

    id: str
    kind: str
    model: str | None
    version: str | None
    deployment: str | None
    aliases: list[str]
    price: PricePart | None
    estimated_seconds: float | None
    max_seconds: int | None
    max_cost: str | None
    parameters: list[str] | None = Field(description="Those a request may name; null: all")
    defaults: dict[str, Any]


class Model(ModelSummary):
    """The same, with what it takes."""

    input_schema: dict[str, Any] | None = Field(description="As Replicate publishes it (OpenAPI)")


class ModelPage(Answer):
    """The registry."""

    items: list[ModelSummary]
    next: str | None


class Difference(Answer):
    """One thing that is not what it was."""

    what: Literal["schema", "price", "time", "output"]
    detail: str


class Drift(Answer):
    """What was found of a model."""

    model: str
    differences: list[Difference]
    jobs: int = Field(description="How many of its last jobs were looked at")
    since: AwareDatetime = Field(description="Since when what it is compared with is right")


class DriftPage(Answer):
    """What was found, in the registry's order."""

    items: list[Drift]
    next: str | None
