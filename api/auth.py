"""Who asks, and whether they may: a key in `Authorization: Bearer` or `X-API-Key`."""

import time
import uuid
from collections.abc import Callable
from typing import Any, TypeVar

from flask import Flask, Request, current_app, g, request
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import Forbidden, Unauthorized

from fixative.access.keys import Caller, recognise
from fixative.access.links import Links
from fixative.postgres.engine import Database

REMEMBERED_SECONDS = 5.0  # so long a revoked key may still open something
MOST_REMEMBERED = 10_000
ANYBODY = ""

View = TypeVar("View", bound=Callable[..., Any])


def needs(scope: str, *, or_link: bool = False) -> Callable[[View], View]:
    """Mark a view: the key must have this scope. Without a mark it must have `admin`.

    With `or_link`, an address that we signed needs no key, and no key that comes along harms it:
    clients send their own to wherever an output lies.
    """

    def mark(view: View) -> View:
        view.scope, view.or_link = scope, or_link  # type: ignore[attr-defined]
        return view

    return mark


open_to_anybody = needs(ANYBODY)


class Keys:
    """Recognises keys. One that was recognised is remembered for 5 s, one that was not never is."""

    def __init__(self, database: Database, admin_key: str) -> None:
        self._database = database
        self._admin_key = admin_key
        self._remembered: dict[str, tuple[float, Caller]] = {}

    def caller_of(self, request: Request, scope: str) -> Caller:
        """Whose key the request carries. Raises Unauthorized, or Forbidden without the scope."""
        presented = _presented(request)
        caller = self._recognise(presented) if presented else None
        if caller is None:
            raise Unauthorized(
                "a valid key is needed, as Authorization: Bearer or X-API-Key",
                www_authenticate=WWWAuthenticate("bearer"),
            )
        if scope not in caller.scopes:
            raise Forbidden(f"this key lacks the scope {scope}")
        return caller

    def _recognise(self, presented: str) -> Caller | None:
        now = time.monotonic()
        until, caller = self._remembered.get(presented, (0.0, None))
        if caller is not None and now < until:
            return caller
        with self._database.begin() as session:
            found = recognise(session, self._admin_key, presented)
        if found is None:
            self._remembered.pop(presented, None)
            return None
        if len(self._remembered) >= MOST_REMEMBERED:
            self._remembered.clear()
        self._remembered[presented] = (now + REMEMBERED_SECONDS, found)
        return found


def register_auth(app: Flask, keys: Keys, links: Links) -> None:
    """Let nobody reach a view whose scope their key lacks, before anything of theirs is read."""

    @app.before_request
    def check_key() -> None:
        if request.endpoint is None:
            return  # no such address: 404 or 405 for everybody
        view = current_app.view_functions[request.endpoint]
        scope = getattr(view, "scope", "admin")
        g.by_link = getattr(view, "or_link", False) and links.valid(
            request.path, request.args.get("sig", "")
        )
        if scope != ANYBODY and not g.by_link:
            g.caller = keys.caller_of(request, scope)


def caller() -> Caller:
    """Who makes this request."""
    found: Caller = g.caller
    return found


def owner_seen() -> uuid.UUID | None:
    """Whose jobs the caller sees; None: everybody's, or the one that a link is for."""
    return None if g.by_link or caller().sees_all else caller().owner_id


def _presented(request: Request) -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    key = token.strip() if scheme.lower() == "bearer" else request.headers.get("X-API-Key", "")
    return key if key.isascii() and key.isprintable() else ""
