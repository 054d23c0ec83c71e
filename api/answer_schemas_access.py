"""What the answers about owners and keys look like."""

from uuid import UUID

from pydantic import AwareDatetime, Field

from api.answer_schemas import Answer
from api.schemas import Scope


class OwnerItem(Answer):
    """Whoever keys and jobs belong to."""

    id: UUID
    name: str
    weight: float
    retention_days: int | None
    webhook: str | None
    webhook_events: list[str] | None
    created_at: AwareDatetime


class OwnerPage(Answer):
    """Every owner."""

    items: list[OwnerItem]
    next: str | None


class KeyItem(Answer):
    """A key, without the key itself."""

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

    key: str


class KeyPage(Answer):
    """Every key, newest first."""

    items: list[KeyItem]
    next: None = None
