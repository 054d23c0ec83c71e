"""API keys: 32 random bytes, stored as an HMAC, found by their prefix, shown once.

A key has so much entropy that a fast keyed hash is enough; the pepper is the admin key, so a copy
of the database alone opens nothing.
"""

import hmac
import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from fixative.access.owners import ADMIN, ensure_owner
from fixative.errors import NotFound
from fixative.postgres.tables import ApiKey

SCOPES = ("submit", "read", "cancel", "media", "passthrough", "admin")
DEFAULT_SCOPES = ("submit", "read", "cancel", "media", "passthrough")
PREFIX_LENGTH = 11  # "fx_" and eight characters: enough to find it, too few to guess the rest


@dataclass(frozen=True)
class Caller:
    """Who asks: an owner, and what the key used may do."""

    owner_id: uuid.UUID
    scopes: frozenset[str]
    key_id: uuid.UUID | None = None  # None: of the admin key

    @property
    def sees_all(self) -> bool:
        """Whether jobs of every owner are shown."""
        return "admin" in self.scopes


@dataclass(frozen=True)
class NewKey:
    """A key just made: the only moment at which `key` is known."""

    id: uuid.UUID
    prefix: str
    key: str
    created_at: datetime


def create_key(session: Session, pepper: str, owner: str, scopes: Sequence[str]) -> NewKey:
    """A new key for the owner of that name, who is made if absent."""
    key = f"fx_{secrets.token_urlsafe(32)}"
    row = ApiKey(
        id=uuid7(),
        owner_id=ensure_owner(session, owner).id,
        prefix=key[:PREFIX_LENGTH],
        digest=_digest(pepper, key),
        scopes=list(scopes),
    )
    session.add(row)
    session.flush()
    return NewKey(row.id, row.prefix, key, row.created_at)


def list_keys(session: Session) -> list[ApiKey]:
    """Every key, newest first, revoked ones too."""
    return list(session.scalars(select(ApiKey).order_by(ApiKey.id.desc())))


def revoke_key(session: Session, key_id: str) -> ApiKey:
    """Revoke a key by its id or prefix; again is no harm. Raises NotFound."""
    key = _find(session, key_id)
    session.execute(
        update(ApiKey)
        .where(ApiKey.id == key.id, ApiKey.revoked_at.is_(None))
        .values(revoked_at=func.now())
    )
    session.refresh(key)
    return key


def recognise(session: Session, admin_key: str, presented: str) -> Caller | None:
    """Whoever the presented key belongs to; None when it opens nothing."""
    if hmac.compare_digest(presented.encode(), admin_key.encode()):
        return Caller(ensure_owner(session, ADMIN).id, frozenset(SCOPES))
    key = session.scalars(
        select(ApiKey).where(
            ApiKey.prefix == presented[:PREFIX_LENGTH], ApiKey.revoked_at.is_(None)
        )
    ).one_or_none()
    if key is None or not hmac.compare_digest(key.digest, _digest(admin_key, presented)):
        return None
    return Caller(key.owner_id, frozenset(key.scopes), key.id)


def _find(session: Session, key_id: str) -> ApiKey:
    try:
        chosen = ApiKey.id == uuid.UUID(key_id)
    except ValueError:
        chosen = ApiKey.prefix == key_id
    key = session.scalars(select(ApiKey).where(chosen)).one_or_none()
    if key is None:
        raise NotFound(f"no key {key_id}")
    return key


def _digest(pepper: str, key: str) -> str:
    return hmac.new(pepper.encode(), key.encode(), sha256).hexdigest()
