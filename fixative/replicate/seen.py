"""Webhooks that Postgres has already: a first look at Redis, which may know less, never more."""

from fixative.shared import Shared

REMEMBER_SECONDS = 2 * 3600


class SeenWebhooks:
    """The ids of the last two hours' deliveries, where Redis has kept them."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared

    def has(self, webhook_id: str) -> bool:
        """Whether this one is known to be in Postgres; False is no answer."""
        return self._shared.shared_or_local(
            lambda redis: bool(redis.exists(_key(webhook_id))), lambda: False
        )

    def add(self, webhook_id: str) -> None:
        """It is committed. Said before that, a crash would lose it."""
        self._shared.shared_or_local(
            lambda redis: bool(redis.set(_key(webhook_id), 1, ex=REMEMBER_SECONDS)), lambda: False
        )


def _key(webhook_id: str) -> str:
    return f"fixative:webhook:{webhook_id}"
