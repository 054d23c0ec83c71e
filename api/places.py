"""Places: so many at once, that those who take long leave threads to all others."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from werkzeug.exceptions import ServiceUnavailable


class Places:
    """The places of one process for one kind of work, which is named in refusals."""

    def __init__(self, most: int, what: str) -> None:
        self._free = threading.BoundedSemaphore(most)
        self._what = what

    def take(self) -> None:
        """Take one, to be given back. Raises ServiceUnavailable when none is free."""
        if not self._free.acquire(blocking=False):
            raise ServiceUnavailable(f"too many {self._what} are under way")

    def give_back(self) -> None:
        """Give one back that was taken."""
        self._free.release()

    @contextmanager
    def one_if_free(self) -> Iterator[bool]:
        """Whether there was one; it is held until the block ends."""
        free = self._free.acquire(blocking=False)
        try:
            yield free
        finally:
            if free:
                self._free.release()
