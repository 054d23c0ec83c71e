"""What the answers about owners and keys look like."""

from typing import Any
from uuid import UUID

from pydantic import AwareDatetime, ConfigDict, Field

from api.answer_schemas import OWNER_ID, Answer
from api.schemas import Scope

EXAMPLE_OWNER: dict[str, Any] = {
    "id": OWNER_ID,
    "name": "gallery",
    "weight": 2,
    "retention_days": 30,
    "webhook": "https://gallery.example/hooks",
    "webhook_events": ["succeeded", "failed", "canceled"],
    "created_at": "2026-01-01T11:00:00.000000Z",
}
EXAMPLE_KEY: dict[str, Any] = {
    "id": "019a3c1e-2222-7000-8000-000000000003",
    "prefix": "fx_2c4e8a",
    "owner": "gallery",
    "scopes": ["submit", "read"],
    "allow": ["10.1.0.0/16"],
    "per_minute": 600,
    "created_at": "2026-01-01T11:00:00.000000Z",
    "expires_at": None,
    "last_used_at": "2026-01-01T12:00:00.000000Z",
    "revoked_at": None,
}


class OwnerItem(Answer):
    """Whoever keys and jobs belong to."""

    model_config = ConfigDict(json_schema_extra={"example": EXAMPLE_OWNER})

    id: UUID
    name: str
    weight: float
    retention_days: int | None
    webhook: str | None
    webhook_events: list[str] | None
    created_at: AwareDatetime


class OwnerPage(Answer):
    """Every owner."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"items": [EXAMPLE_OWNER], "next": None}}
    )

    items: list[OwnerItem]
    next: str | None


class KeyItem(Answer):
    """A key, without the key itself."""

    model_config = ConfigDict(json_schema_extra={"example": EXAMPLE_KEY})

    id: UUID
    prefix: str
    owner: str
    scopes: list[Scope]
    allow: list[str] | None
    per_minute: int | None
    created_at: AwareDatetime
    expires_at: AwareDatetime | None
    last_used_at: AwareDatetime | None = Field(description="To the minute or so")
    revoked_at: AwareDatetime | None = Field(description="To come: until then it is good")


class NewKey(KeyItem):
    """A key just made; `key` is shown this once."""

    model_config = ConfigDict(
        json_schema_extra={"example": {**EXAMPLE_KEY, "last_used_at": None, "key": "fx_2c4e8a…"}}
    )

    key: str


class KeyPage(Answer):
    """Every key, newest first."""

    model_config = ConfigDict(json_schema_extra={"example": {"items": [EXAMPLE_KEY], "next": None}})

    items: list[KeyItem]
    next: None = None
