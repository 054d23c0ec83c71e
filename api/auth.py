"""Who asks, and whether they may: a key or a token in `Authorization` or `X-API-Key`."""

import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from hashlib import sha256
from typing import Any, TypeVar

import structlog
from flask import Flask, Request, Response, after_this_request, current_app, g, request
from structlog.contextvars import bind_contextvars
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import Forbidden, Unauthorized

from api.limits import InboundLimits
from fixative.access.caller import Caller, read_address
from fixative.access.keys import note_use, recognise
from fixative.access.links import Links
from fixative.access.tokens import Tokens, caller_by_token
from fixative.errors import DatabaseAway, SigningKeysAway, TokenRefused
from fixative.postgres.engine import Database

REMEMBERED_SECONDS = 5.0  # so long a revoked key may still open something
BELIEVED_SECONDS = 300.0  # so long, while Postgres is away, it may read on
MOST_REMEMBERED = 10_000
NOTING_SECONDS = 0.5
SCHEMES = ("bearer", "token")  # the second is what older clients of Replicate's say

OF_THEIR_OWN = frozenset({"ui"})  # blueprints that look who asks by themselves

View = TypeVar("View", bound=Callable[..., Any])

log = structlog.get_logger(__name__)


def needs(
    *scopes: str, or_link: bool = False, only_with: str | None = None
) -> Callable[[View], View]:
    """Mark a view: the key must have one of these scopes. Without a mark it must have `admin`.

    Without the query parameter `only_with`, where there is one, anybody may ask.

    With `or_link`, an address that we signed needs no key, and no key that comes along harms it:
    clients send their own to wherever an output lies.
    """

    def mark(view: View) -> View:
        view.scopes, view.or_link = scopes, or_link  # type: ignore[attr-defined]
        view.only_with = only_with  # type: ignore[attr-defined]
        return view

    return mark


open_to_anybody = needs()


class Keys:
    """Recognises callers. Who was is remembered for 5 s, who was not never is.

    While Postgres is away, who was recognised in the last 5 minutes may read on.
    """

    def __init__(
        self,
        database: Database,
        admin_key: str,
        tokens: Tokens | None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._admin_key = admin_key
        self._tokens = tokens
        self._clock = clock
        self._remembered: dict[bytes, tuple[float, Caller]] = {}

    def caller_of(self, request: Request, *scopes: str, presented: str | None = None) -> Caller:
        """Who makes the request, with one of these scopes; what it presents may be known already.

        Raises Unauthorized, or Forbidden for what is not granted.
        """
        presented = presented_in(request) if presented is None else presented
        caller = self._remember(presented, scopes) if presented else None
        if caller is None:
            raise Unauthorized(
                "a valid key is needed, as Authorization: Bearer or X-API-Key",
                www_authenticate=WWWAuthenticate("bearer"),
            )
        if not caller.may_come_from(read_address(request.remote_addr)):
            raise Forbidden("this key is not for use from here")
        if caller.scopes.isdisjoint(scopes):
            raise Forbidden(f"this key lacks the scope {' or '.join(scopes)}")
        if caller.use_is_news:
            after_this_request(lambda response: self._note_once_answered(caller, response))
        return caller

    def still_opens(self, presented: str, scope: str) -> bool:
        """Whether what opened a request that is not over yet would open it now."""
        try:
            caller = self._remember(presented, (scope,))
        except (DatabaseAway, SigningKeysAway):
            return True  # nobody knows better, and nothing new is told meanwhile
        return caller is not None and scope in caller.scopes

    def _remember(self, presented: str, scopes: Sequence[str]) -> Caller | None:
        now = self._clock()
        digest = sha256(presented.encode()).digest()  # no key lies about in memory
        until, caller = self._remembered.get(digest, (0.0, None))
        if caller is not None and now < until:
            return caller
        try:
            found = self._by_key(presented) or self._by_token(presented)
        except DatabaseAway:
            if caller is None or "read" not in scopes or not _believed(caller, now - until):
                raise
            return caller
        if found is None:
            self._remembered.pop(digest, None)
            return None
        if len(self._remembered) >= MOST_REMEMBERED:
            self._remembered.clear()
        self._remembered[digest] = (now + REMEMBERED_SECONDS, replace(found, use_is_news=False))
        return found

    def _by_key(self, presented: str) -> Caller | None:
        with self._database.begin() as session:
            return recognise(session, self._admin_key, presented)

    def _by_token(self, presented: str) -> Caller | None:
        if self._tokens is None:
            return None
        try:
            claims = self._tokens.read(presented)
        except TokenRefused as error:
            log.info("token_refused", reason=str(error))
            return None
        with self._database.begin() as session:
            return caller_by_token(session, claims)

    def _note_once_answered(self, caller: Caller, response: Response) -> Response:
        """Nobody waits for it, and it is no harm if it is lost."""

        def note() -> None:
            with suppress(DatabaseAway), self._database.begin(NOTING_SECONDS) as session:
                note_use(session, caller)

        response.call_on_close(note)
        return response


def register_auth(app: Flask, keys: Keys, links: Links, limits: InboundLimits) -> None:
    """Let nobody reach a view whose scope they lack, or too often, before anything is read.

    What is open to anybody has no limit either: health, metrics, webhooks.
    """

    @app.before_request
    def check() -> None:
        if request.endpoint is None:
            return  # no such address: 404 or 405 for everybody
        view = current_app.view_functions[request.endpoint]
        scopes = getattr(view, "scopes", ("admin",))
        g.by_link = getattr(view, "or_link", False) and links.valid(
            request.path, request.args.get("sig", "")
        )
        only_with = getattr(view, "only_with", None)
        if not scopes or (only_with and only_with not in request.args):
            return
        limits.count_address(read_address(request.remote_addr))
        if request.blueprint in OF_THEIR_OWN:
            return
        if not g.by_link:
            g.caller = keys.caller_of(request, *scopes)
            bind_contextvars(owner_id=str(g.caller.owner_id))
            limits.count_caller(g.caller)


def _believed(caller: Caller, seconds: float) -> bool:
    """Whether a caller is taken to be who they were, so long after that was to be looked up."""
    return seconds < BELIEVED_SECONDS and not caller.has_ended


def caller() -> Caller:
    """Who makes this request."""
    found: Caller = g.caller
    return found


def owner_seen() -> uuid.UUID | None:
    """Whose jobs the caller sees; None: everybody's, or the one that a link is for."""
    return None if g.by_link or caller().sees_all else caller().owner_id


def presented_in(request: Request) -> str:
    """The key or token that comes with a request; empty without one."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    key = token.strip() if scheme.lower() in SCHEMES else request.headers.get("X-API-Key", "")
    return key if key.isascii() and key.isprintable() else ""
