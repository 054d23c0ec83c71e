"""A file under way: a stream of chunks, counted and hashed as it is read."""

import io
from collections.abc import Iterator
from hashlib import sha256


class HashingReader(io.RawIOBase):
    """A stream of chunks as a readable file whose beginning can be seen before it is read."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._buffer = bytearray()
        self._digest = sha256()
        self.received = 0

    @property
    def sha256(self) -> str:
        """Of all that was read so far, in hex."""
        return self._digest.hexdigest()

    def peek(self, size: int) -> bytes:
        """The next bytes, up to `size`, without reading them."""
        self._fill(size)
        return bytes(self._buffer[:size])

    def readable(self) -> bool:  # noqa: D102 - io's own
        return True

    def read(self, size: int = -1) -> bytes:  # noqa: D102 - io's own
        self._fill(size)
        end = len(self._buffer) if size < 0 else size
        taken = bytes(self._buffer[:end])
        del self._buffer[:end]
        self._digest.update(taken)
        self.received += len(taken)
        return taken

    def _fill(self, size: int) -> None:
        while size < 0 or len(self._buffer) < size:
            chunk = next(self._chunks, None)
            if chunk is None:
                return
            self._buffer += chunk
