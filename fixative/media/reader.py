"""A file under way: a stream of chunks, counted and hashed as it comes."""

from collections import deque
from collections.abc import Iterator
from hashlib import sha256


class HashingReader:
    """A stream of chunks as a readable file whose beginning can be seen before it is read."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._held = deque[bytes]()
        self._size = 0  # of what is held
        self._digest = sha256()
        self.received = 0

    @property
    def sha256(self) -> str:
        """Of all that came so far, in hex; of the whole once all is read."""
        return self._digest.hexdigest()

    def peek(self, size: int) -> bytes:
        """The next bytes, up to `size`, without reading them."""
        self._hold(size)
        return b"".join(self._held)[:size]

    def read(self, size: int = -1, /) -> bytes:
        """The next `size` bytes, fewer only at the end; all that are left when it is negative."""
        self._hold(size)
        if 0 <= size < self._size:
            return self._taken(size)
        taken = b"".join(self._held)
        self._held.clear()
        self._size = 0
        return taken

    def _hold(self, size: int) -> None:
        while size < 0 or self._size < size:
            chunk = next(self._chunks, None)
            if chunk is None:
                return
            self._digest.update(chunk)
            self.received += len(chunk)
            self._held.append(chunk)
            self._size += len(chunk)

    def _taken(self, size: int) -> bytes:
        """So many bytes of those that are held, each copied once."""
        pieces, left = list[bytes](), size
        while left > 0:
            piece = self._held.popleft()
            pieces.append(piece[:left])
            if len(piece) > left:
                self._held.appendleft(piece[left:])
            left -= len(piece)
        self._size -= size
        return b"".join(pieces)
