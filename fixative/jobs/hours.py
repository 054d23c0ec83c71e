"""The hours of history in windows, so that a search looks at the newest before the rest.

A job has among its words, beside those of its prompt, the hour in which its id was made, and the
spans of 8, 64, 512 and 4,096 hours around that. A search goes from window to window, each about
eight times as long as the one before, until its page is full: so it takes few looks, and reads
little more than it shows, however long the history.
"""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass

SPANS = (1, 8, 64, 512, 4096)  # hours, each as many as divide the next
HOUR = 3_600_000  # milliseconds, which an id of version 7 begins with


@dataclass(frozen=True)
class Window:
    """The ids from `first` on and before `last`; `word` finds their jobs and some beside them.

    It is a search of its own, and empty where every job may be in the window.
    """

    word: str
    first: uuid.UUID
    last: uuid.UUID


def windows(newest: uuid.UUID) -> Iterator[Window]:
    """All of history up to this id, the newest first."""
    end = (newest.int >> 80) // HOUR + 1
    last = uuid.UUID(int=2**128 - 1)
    for length in SPANS:
        begin = max(0, end - length)
        around = {begin // length, (end - 1) // length}
        word = " | ".join(f"'{length} {number}'" for number in sorted(around))
        first = uuid.UUID(int=begin * HOUR << 80)
        yield Window(word, first, last)
        end, last = begin, first
    yield Window("", uuid.UUID(int=0), last)
