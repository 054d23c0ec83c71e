"""How many requests a minute: one GCRA bucket each for creates and for everything else.

Rates: Replicate's docs, topics/predictions/rate-limits.
"""

from math import floor

# Replicate allows "short bursts" above the rate without saying how long; this is our guess.
BURST_SECONDS = 5.0


class Bucket:
    """Lets `per_minute` requests through, and five seconds' worth of them at once."""

    def __init__(self) -> None:
        self._full_again_at = 0.0

    def take(self, per_minute: float, now: float) -> float:
        """Zero when the request may pass, else the seconds until one may. `now` is monotonic."""
        interval = 60.0 / per_minute
        earliest = max(self._full_again_at, now)
        wait = earliest - now - (self._burst(per_minute) - 1) * interval
        if wait > 1e-9:
            return wait
        self._full_again_at = earliest + interval
        return 0.0

    def remaining(self, per_minute: float, now: float) -> int:
        """How many more could pass right now."""
        debt = max(0.0, self._full_again_at - now) * per_minute / 60.0
        return max(0, floor(self._burst(per_minute) - debt))

    @staticmethod
    def _burst(per_minute: float) -> float:
        return max(1.0, per_minute / 60.0 * BURST_SECONDS)
