"""The bytes of an output file, whole or in part."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

BLOCK = 256 * 1024


class Content(Protocol):
    """So many bytes, of which any range can be read."""

    @property
    def length(self) -> int:
        """How many bytes there are."""

    def read(self, start: int, stop: int) -> Iterator[bytes]:
        """The bytes from start up to stop, in pieces of bounded size."""


@dataclass(frozen=True, slots=True)
class Held:
    """Bytes in memory."""

    data: bytes

    @property
    def length(self) -> int:
        """How many bytes there are."""
        return len(self.data)

    def read(self, start: int, stop: int) -> Iterator[bytes]:
        """The bytes from start up to stop, in pieces of bounded size."""
        for begin in range(start, stop, BLOCK):
            yield self.data[begin : min(begin + BLOCK, stop)]


class Computed:
    """Any number of bytes in constant memory, worked out from a mark."""

    def __init__(self, mark: str, length: int) -> None:
        self.length = length
        self._mark = mark.encode()
        self._pattern = hashlib.shake_256(self._mark).digest(min(BLOCK, length))

    def read(self, start: int, stop: int) -> Iterator[bytes]:
        """The bytes from start up to stop, in pieces of bounded size."""
        for number in range(start // BLOCK, -(-stop // BLOCK)):
            begin = number * BLOCK
            yield self._block(number)[max(0, start - begin) : stop - begin]

    def _block(self, number: int) -> bytes:
        # The pattern alone would make misplaced blocks look right.
        label = hashlib.sha256(self._mark + number.to_bytes(8)).digest()
        return label + self._pattern[len(label) :]


def sha256(content: Content) -> str:
    """The hexadecimal SHA-256 of the whole; takes seconds for gigabytes."""
    digest = hashlib.sha256()
    for piece in content.read(0, content.length):
        digest.update(piece)
    return digest.hexdigest()
