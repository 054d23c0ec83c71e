"""What requests about keys must look like."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from api.schemas import WHOLE, Body, Instant, OwnerName, Parameters, Request, Scope
from fixative.access.caller import read_networks
from fixative.access.keys import DEFAULT_SCOPES, GRACE


def _to_come(instant: datetime) -> datetime:
    if instant <= datetime.now(UTC):
        raise PydanticCustomError("past", "lies in the past")
    return instant


def _network(text: str) -> str:
    try:
        (network,) = read_networks([text])
    except ValueError as error:
        raise PydanticCustomError("network", "{reason}", {"reason": str(error)}) from None
    return str(network)


class KeyRequest(Body):
    """A key to be made; the owner is made too if absent."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"owner": "gallery", "scopes": ["submit", "read"]}}
    )

    owner: OwnerName = Field(description="Made if absent")
    scopes: list[Scope] | None = Field(
        None, min_length=1, description=f"{', '.join(DEFAULT_SCOPES)} when left out"
    )
    expires_at: Annotated[Instant, AfterValidator(_to_come)] | None = Field(
        None, description="To come; null: never"
    )
    allow: list[Annotated[str, AfterValidator(_network)]] | None = Field(
        None,
        min_length=1,
        max_length=100,
        description="The networks that it may be used from, as 10.1.0.0/16 or 2001:db8::/32",
    )
    per_minute: Annotated[int, Field(ge=1, le=1_000_000), WHOLE] | None = Field(
        None, description="Requests; null: as FIXATIVE_KEY_PER_MINUTE says"
    )


class KeyPath(Parameters):
    """A key, by its id or prefix."""

    key_id: str = Field(description="The key's id or prefix")


class Rotation(Request):
    """How a key is replaced."""

    grace_seconds: int = Field(
        int(GRACE.total_seconds()), ge=0, le=2_592_000, description="So long the old one is good"
    )
