"""What answers about models look like."""

from typing import Any, Literal

from pydantic import AwareDatetime, ConfigDict, Field

from api.answer_schemas import Answer

EXAMPLE_MODEL: dict[str, Any] = {
    "id": "flux-schnell",
    "kind": "image",
    "model": "black-forest-labs/flux-schnell",
    "version": None,
    "deployment": None,
    "aliases": ["schnell"],
    "price": {
        "per_run": None,
        "per_second": None,
        "per_image": "0.003",
        "per_input_token": None,
        "per_output_token": None,
    },
    "estimated_seconds": 1.5,
    "max_seconds": 600,
    "max_cost": None,
    "parameters": None,
    "defaults": {"num_outputs": 1},
}


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

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                **EXAMPLE_MODEL,
                "input_schema": {
                    "type": "object",
                    "required": ["prompt"],
                    "properties": {"prompt": {"type": "string"}},
                },
            }
        }
    )

    input_schema: dict[str, Any] | None = Field(description="As Replicate publishes it (OpenAPI)")


class ModelPage(Answer):
    """The registry."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"items": [EXAMPLE_MODEL], "next": None}}
    )

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

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "items": [
                    {
                        "model": "flux-schnell",
                        "differences": [
                            {"what": "schema", "detail": "the parameter `steps` is not there now"}
                        ],
                        "jobs": 20,
                        "since": "2026-01-01T12:00:00.000000Z",
                    }
                ],
                "next": None,
            }
        }
    )

    items: list[Drift]
    next: str | None
