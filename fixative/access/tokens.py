"""Tokens (JWT): a second way in, for those whom an issuer of yours vouches for.

It is believed who the token's owner is and what their scopes are. So only what is signed with an
asymmetric key of the issuer, made for us, and on its way to an end, is read at all.
"""

import re
from dataclasses import dataclass
from typing import Any, Self

import jwt
from jwt.exceptions import PyJWTError
from sqlalchemy.orm import Session

from fixative.access.caller import SCOPES, Caller
from fixative.access.owners import ADMIN, LONGEST_NAME, NAME_FORM, ensure_owner
from fixative.access.signing_keys import SigningKeys
from fixative.errors import TokenRefused
from fixative.settings import Settings

LONGEST = 8192
LEEWAY_SECONDS = 10  # between the issuer's clock and ours
FORM = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+", re.ASCII)
OWNER = re.compile(NAME_FORM)
ALGORITHMS = (
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512", "EdDSA"),
)
# The library lets through what deep nesting and immense numbers raise.
UNREADABLE = (PyJWTError, ArithmeticError, RecursionError, TypeError, ValueError)


@dataclass(frozen=True)
class Claims:
    """What a token says, once it is believed."""

    owner: str
    scopes: frozenset[str]
    ends_at: int  # in seconds since 1970


class Tokens:
    """Reads the tokens of one issuer."""

    def __init__(
        self,
        keys: SigningKeys,
        *,
        audience: str,
        issuer: str | None,
        owner_claim: str,
        scope_claim: str,
    ) -> None:
        self._keys = keys
        self._audience = audience
        self._issuer = issuer
        self._owner_claim = owner_claim
        self._scope_claim = scope_claim

    @classmethod
    def of(cls, settings: Settings) -> Self | None:
        """As the settings say; None where they name no issuer."""
        if settings.fixative_jwt_jwks_url is None or settings.fixative_jwt_audience is None:
            return None
        return cls(
            SigningKeys(settings.fixative_jwt_jwks_url),
            audience=settings.fixative_jwt_audience,
            issuer=settings.fixative_jwt_issuer,
            owner_claim=settings.fixative_jwt_owner_claim,
            scope_claim=settings.fixative_jwt_scope_claim,
        )

    def read(self, token: str) -> Claims:
        """What the token says. Raises TokenRefused, or SigningKeysAway.

        It may ask the issuer for its keys: no transaction shall be open.
        """
        if len(token) > LONGEST or not FORM.fullmatch(token):
            raise TokenRefused("not a token")
        try:
            told = self._verified(token)
        except UNREADABLE as error:
            raise TokenRefused(f"{type(error).__name__}: {error}") from error
        owner, scopes = told.get(self._owner_claim), told.get(self._scope_claim)
        if not isinstance(owner, str) or len(owner) > LONGEST_NAME or not OWNER.fullmatch(owner):
            raise TokenRefused(f"{self._owner_claim}: no owner's name")
        if owner == ADMIN:
            raise TokenRefused(f"{self._owner_claim}: {ADMIN} is whoever has the admin key")
        return Claims(owner, _known_scopes(scopes), int(told["exp"]))

    def _verified(self, token: str) -> dict[str, Any]:
        key_id = jwt.get_unverified_header(token).get("kid")
        key = self._keys.find(key_id) if isinstance(key_id, str) else None
        if key is None:
            raise TokenRefused("signed with a key that the issuer does not name")
        told: dict[str, Any] = jwt.decode(
            token,
            key,  # which has one algorithm, and the token must have the same
            algorithms=ALGORITHMS,
            audience=self._audience,
            issuer=self._issuer,
            leeway=LEEWAY_SECONDS,
            options={"require": ["exp", "aud"], "enforce_minimum_key_length": True},
        )
        return told


def caller_by_token(session: Session, claims: Claims) -> Caller:
    """Whoever the token is of; the owner is made if absent."""
    owner_id = ensure_owner(session, claims.owner).id
    return Caller(owner_id, claims.scopes, counted_as=f"owner:{owner_id}", ends_at=claims.ends_at)


def _known_scopes(told: Any) -> frozenset[str]:
    """Of a text with spaces, or of a list; what is none of ours grants nothing."""
    words = told.split() if isinstance(told, str) else told if isinstance(told, list) else []
    return frozenset(scope for scope in SCOPES if scope in words)
