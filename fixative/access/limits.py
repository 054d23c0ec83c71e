"""How many requests may come in: of one key, of one address, in a minute and in an hour.

The windows slide. All processes count together through Redis; while it is away each keeps to its
share by itself (ADR 0019).
"""

import math
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from limits import RateLimitItem, RateLimitItemPerHour, RateLimitItemPerMinute
from limits.storage import MemoryStorage, RedisStorage
from limits.strategies import SlidingWindowCounterRateLimiter

from fixative.shared import Shared

PREFIX = "fixative:limits"
SHARE_ALONE = 0.5  # the API runs in two processes


@dataclass(frozen=True)
class Standing:
    """What became of one request, by whichever of its limits is the nearest to its end."""

    allowed: bool
    limit: int
    remaining: int
    reset_seconds: int  # until there is room for one more, or all is free again


class Limits:
    """The limits of one kind of caller; those that are None are none."""

    def __init__(
        self, shared: Shared, kind: str, *, per_minute: int | None, per_hour: int | None
    ) -> None:
        self._shared = shared
        self._kind = kind
        self._per_minute = per_minute
        self._per_hour = per_hour
        self._one_by_one = threading.Lock()
        self._together = SlidingWindowCounterRateLimiter(
            RedisStorage(
                "redis://", connection_pool=shared.redis.connection_pool, key_prefix=PREFIX
            )
        )

    def count(self, who: str, *, per_minute: int | None = None) -> Standing | None:
        """Count a request, unless it is one too many. None where nothing is limited.

        `per_minute` stands in the place of what holds for all.
        """
        items = self._items(per_minute or self._per_minute, self._per_hour)
        if not items:
            return None
        return self._shared.shared_or_local(
            lambda _: _count(self._together, items, self._kind, who),
            lambda: self._count_alone(items, who),
        )

    def _count_alone(self, items: Sequence[RateLimitItem], who: str) -> Standing | None:
        # MemoryStorage starts a timer at nearly every hit, and fails where two do so at once.
        with self._one_by_one:
            return _count(self._alone, [_share(item) for item in items], self._kind, who)

    def _items(self, per_minute: int | None, per_hour: int | None) -> list[RateLimitItem]:
        items: list[RateLimitItem] = []
        if per_minute is not None:
            items.append(RateLimitItemPerMinute(per_minute))
        if per_hour is not None:
            items.append(RateLimitItemPerHour(per_hour))
        return items

    @cached_property
    def _alone(self) -> SlidingWindowCounterRateLimiter:
        # Made when it is needed: it starts a thread, which would not survive a fork.
        return SlidingWindowCounterRateLimiter(MemoryStorage())


def nearest(*standings: Standing | None) -> Standing | None:
    """The one that leaves the least."""
    known = [standing for standing in standings if standing is not None]
    return min(known, key=lambda standing: (standing.allowed, standing.remaining), default=None)


def _count(
    limiter: SlidingWindowCounterRateLimiter, items: Sequence[RateLimitItem], kind: str, who: str
) -> Standing | None:
    standings = []
    for item in items:
        allowed = limiter.hit(item, kind, who)
        reset_at, remaining = limiter.get_window_stats(item, kind, who)
        seconds = max(1, math.ceil(reset_at - time.time()))
        standings.append(Standing(allowed, item.amount, remaining if allowed else 0, seconds))
        if not allowed:
            break  # it is not counted further: it does not happen
    return nearest(*standings)


def _share(item: RateLimitItem) -> RateLimitItem:
    return type(item)(max(1, int(item.amount * SHARE_ALONE)))
