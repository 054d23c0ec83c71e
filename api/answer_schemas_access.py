"""What the answers about owners and keys look like."""

from uuid import UUID

from pydantic import AwareDatetime

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
    created_at: AwareDatetime
    revoked_at: AwareDatetime | None


class NewKey(Answer):
    """A key just made; `key` is shown this once."""

    id: UUID
    prefix: str
    key: str
    owner: str
    scopes: list[Scope]
    created_at: AwareDatetime


class KeyPage(Answer):
    """Every key, newest first."""

    items: list[KeyItem]
    next: None = None
