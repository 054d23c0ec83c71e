"""Inbound limits: counted before anything is done, and told in the headers of every answer."""

from flask import Flask, Response, g
from werkzeug.exceptions import TooManyRequests

from fixative.access.caller import Address, Caller, neighbourhood
from fixative.access.limits import Limits, Standing, nearest
from fixative.settings import Settings
from fixative.shared import Shared

SIGN_INS_PER_MINUTE = 30  # of one address, whatever is set: people type keys, programs guess them


class InboundLimits:
    """The limits of addresses and of keys. All count in `g`, and raise TooManyRequests."""

    def __init__(self, settings: Settings, shared: Shared) -> None:
        self._addresses = Limits(
            shared,
            "ip",
            per_minute=settings.fixative_ip_per_minute,
            per_hour=settings.fixative_ip_per_hour,
        )
        self._keys = Limits(
            shared,
            "key",
            per_minute=settings.fixative_key_per_minute,
            per_hour=settings.fixative_key_per_hour,
        )
        self._sign_ins = Limits(shared, "sign-in", per_minute=SIGN_INS_PER_MINUTE, per_hour=None)

    def count_sign_in(self, address: Address | None) -> None:
        """Count a key that is tried at the form to sign in, before it is looked at."""
        if address is not None:
            _let_in(self._sign_ins.count(neighbourhood(address)), "address")

    def count_address(self, address: Address | None) -> None:
        """Count a request of this address; one from a socket without any has no limit."""
        if address is not None:
            _let_in(self._addresses.count(neighbourhood(address)), "address")

    def count_caller(self, caller: Caller) -> None:
        """Count a request of this caller."""
        if caller.counted_as is not None:
            _let_in(self._keys.count(caller.counted_as, per_minute=caller.per_minute), "key")


def register_limit_headers(app: Flask) -> None:
    """Say on every answer that was counted how many more there may be."""

    @app.after_request
    def tell(response: Response) -> Response:
        standing: Standing | None = g.get("standing")
        if standing is not None:
            response.headers["RateLimit-Limit"] = str(standing.limit)
            response.headers["RateLimit-Remaining"] = str(standing.remaining)
            response.headers["RateLimit-Reset"] = str(standing.reset_seconds)
        return response


def _let_in(standing: Standing | None, whose: str) -> None:
    g.standing = nearest(g.get("standing"), standing)
    if standing is not None and not standing.allowed:
        raise TooManyRequests(
            f"too many requests of this {whose}: {standing.limit} are allowed",
            retry_after=standing.reset_seconds,
        )
