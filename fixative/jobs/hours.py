"""The hours of history in spans, so that a search looks at the newest before the rest.

Each span is a word of the jobs whose ids were made in it, beside those of their prompts: an hour,
8, 64 and 512 of them. A search goes from span to span until its page is full; the next is never
longer than all that it has seen, so that it reads about what it shows, however long the history.
"""

import uuid
from collections.abc import Iterator

SPANS = (512, 64, 8, 1)  # hours, each as many as divide the one before
HOUR = 3_600_000  # milliseconds, which an id of version 7 begins with
LONGEST = 50 * 365 * 24  # hours: what is longer is no history, and its ids are not by the clock


def spans_between(newest: uuid.UUID, oldest: uuid.UUID) -> list[str] | None:
    """The words of the spans that these ids lie in and all between, the newest first.

    None where that is longer than any history.
    """
    if _hour(newest) - _hour(oldest) > LONGEST:
        return None
    return list(_spans(_hour(newest), _hour(oldest)))


def _spans(hour: int, last: int) -> Iterator[str]:
    seen = 0
    while hour >= last:
        span = next(n for n in SPANS if n <= max(seen, 1) and (hour + 1) % n == 0)
        yield f"{span} {hour // span}"
        hour -= span
        seen += span


def _hour(id_: uuid.UUID) -> int:
    return (id_.int >> 80) // HOUR
