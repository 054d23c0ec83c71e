"""Moments as integers of nanoseconds since 1970, and as Replicate writes them."""

import re
import time
from datetime import UTC, datetime

SECOND = 1_000_000_000
_FRACTION = re.compile(r"\.(\d+)")


def now() -> int:
    """The present, in nanoseconds."""
    return time.time_ns()


def write(moment: int, digits: int = 9) -> str:
    """The moment as RFC 3339 in UTC, cut to `digits` and without trailing zeros.

    Replicate's own fractions have 0 to 9 digits, even within one prediction.
    """
    seconds, fraction = divmod(moment, SECOND)
    text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    kept = f"{fraction:09d}"[:digits].rstrip("0")
    return f"{text}.{kept}Z" if kept else f"{text}Z"


def read(text: str) -> int:
    """The moment an ISO 8601 text names, in UTC if it names no zone; else ValueError."""
    parsed = datetime.fromisoformat(text)
    moment = parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
    # datetime keeps microseconds; a listing by created_at needs every digit that was sent.
    fraction = _FRACTION.search(text)
    nanoseconds = int(fraction[1][:9].ljust(9, "0")) if fraction else 0
    return int(moment.replace(microsecond=0).timestamp()) * SECOND + nanoseconds
