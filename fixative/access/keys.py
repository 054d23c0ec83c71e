"""API keys: 32 random bytes, stored as an HMAC, found by their prefix, shown once.

A key has so much entropy that a fast keyed hash is enough; the pepper is the admin key, so a copy
of the database alone opens nothing.
"""

import hmac
import math
import re
import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from fixative.access.caller import SCOPES, Caller, read_networks
from fixative.access.owners import ADMIN, ensure_owner
from fixative.errors import Conflict, NotFound
from fixative.postgres.tables import ApiKey

DEFAULT_SCOPES = ("submit", "read", "cancel", "media")  # what spends and writes unseen is asked for
FORM = re.compile(r"fx_[\w-]{43}", re.ASCII)
PREFIX_LENGTH = 11  # "fx_" and eight characters: enough to find it, too few to guess the rest
GRACE = timedelta(days=1)
NOTED_EVERY = timedelta(minutes=1)

# A rotated key's revocation lies in the future for as long as its grace lasts.
NOT_REVOKED = or_(ApiKey.revoked_at.is_(None), ApiKey.revoked_at > func.now())


@dataclass(frozen=True)
class NewKey:
    """A key just made: the only moment at which `key` is known."""

    key: str
    row: ApiKey


def create_key(
    session: Session,
    pepper: str,
    owner: str,
    scopes: Sequence[str],
    *,
    expires_at: datetime | None = None,
    allow: Sequence[str] | None = None,
    per_minute: int | None = None,
) -> NewKey:
    """A new key for the owner of that name, who is made if absent."""
    row = ApiKey(
        owner_id=ensure_owner(session, owner).id,
        scopes=list(scopes),
        expires_at=expires_at,
        allow=None if allow is None else list(allow),
        per_minute=per_minute,
    )
    return _add(session, pepper, row)


def list_keys(session: Session) -> list[ApiKey]:
    """Every key, newest first, revoked ones too."""
    return list(session.scalars(select(ApiKey).order_by(ApiKey.id.desc())))


def rotate_key(session: Session, pepper: str, key_id: str, grace: timedelta = GRACE) -> NewKey:
    """A new key like the one of this id or prefix, which is revoked once the grace is over.

    Raises NotFound, or Conflict for one that is revoked, already rotated or expired: a second try
    whose first answer was lost shall not end as a key that nobody has.
    """
    old = find_key(session, key_id, to_change=True)
    if old.revoked_at is not None:
        raise Conflict(f"key {old.prefix} was rotated or revoked: rotate the one that replaced it")
    if old.expires_at is not None and old.expires_at <= datetime.now(UTC):
        raise Conflict(f"key {old.prefix} has expired")
    session.execute(update(ApiKey).where(ApiKey.id == old.id).values(revoked_at=func.now() + grace))
    row = ApiKey(
        owner_id=old.owner_id,
        scopes=old.scopes,
        expires_at=old.expires_at,
        allow=old.allow,
        per_minute=old.per_minute,
        root_id=old.root_id or old.id,  # whose budgets it goes on with
    )
    return _add(session, pepper, row)


def revoke_key(session: Session, key_id: str) -> ApiKey:
    """Revoke a key by its id or prefix, its grace over; again is no harm. Raises NotFound."""
    key = find_key(session, key_id)
    session.execute(
        update(ApiKey).where(ApiKey.id == key.id, NOT_REVOKED).values(revoked_at=func.now())
    )
    session.refresh(key)
    return key


def recognise(session: Session, admin_key: str, presented: str) -> Caller | None:
    """Whoever the presented key belongs to; None when it opens nothing.

    One indexed read, and none for what does not look like a key.
    """
    if hmac.compare_digest(presented.encode(), admin_key.encode()):
        return Caller(ensure_owner(session, ADMIN).id, frozenset(SCOPES))
    if not FORM.fullmatch(presented):
        return None
    key = session.scalars(
        select(ApiKey).where(
            ApiKey.prefix == presented[:PREFIX_LENGTH],
            NOT_REVOKED,
            or_(ApiKey.expires_at.is_(None), ApiKey.expires_at > func.now()),
        )
    ).one_or_none()
    if key is None or not hmac.compare_digest(key.digest, _digest(admin_key, presented)):
        return None
    noted = key.last_used_at
    return Caller(
        key.owner_id,
        frozenset(key.scopes),
        key.id,
        allow=None if key.allow is None else read_networks(key.allow),
        per_minute=key.per_minute,
        counted_as=f"key:{key.id}",
        use_is_news=noted is None or datetime.now(UTC) - noted > NOTED_EVERY,
        ends_at=math.inf if key.expires_at is None else key.expires_at.timestamp(),
    )


def note_use(session: Session, caller: Caller) -> None:
    """Write down that a key is in use; nothing is written, or waited for, while another does."""
    free = select(ApiKey.id).where(
        ApiKey.id == caller.key_id,
        or_(ApiKey.last_used_at.is_(None), ApiKey.last_used_at < func.now() - NOTED_EVERY),
    )
    session.execute(
        update(ApiKey)
        .where(ApiKey.id.in_(free.with_for_update(skip_locked=True)))
        .values(last_used_at=func.now())
    )


def find_key(session: Session, key_id: str, *, to_change: bool = False) -> ApiKey:
    """The key of this id or prefix; `to_change`: and nobody else changes it meanwhile.

    Raises NotFound.
    """
    try:
        chosen = ApiKey.id == uuid.UUID(key_id)
    except ValueError:
        chosen = ApiKey.prefix == key_id
    found = select(ApiKey).where(chosen)
    key = session.scalars(found.with_for_update() if to_change else found).one_or_none()
    if key is None:
        raise NotFound(f"no key {key_id}")
    return key


def _add(session: Session, pepper: str, row: ApiKey) -> NewKey:
    key = f"fx_{secrets.token_urlsafe(32)}"
    row.id, row.prefix, row.digest = uuid7(), key[:PREFIX_LENGTH], _digest(pepper, key)
    session.add(row)
    session.flush()
    return NewKey(key, row)


def _digest(pepper: str, key: str) -> str:
    return hmac.new(pepper.encode(), key.encode(), sha256).hexdigest()
