"""Media bodies: streamed piece by piece, a bounded number at once, always closed."""

from collections.abc import Iterator

from api.places import Places
from fixative.errors import BucketError, NotFound
from fixative.media.bucket import Bucket, StoredObject

PIECE = 128 * 1024
MOST_AT_ONCE = 64


class Bodies:
    """The bodies that one process sends at the same time."""

    def __init__(self, bucket: Bucket, *, most: int = MOST_AT_ONCE) -> None:
        self._bucket = bucket
        self._places = Places(most, "media bodies")

    def open(self, key: str, byte_range: str | None) -> "Body":
        """The object, or its part `bytes=…`; to be closed.

        Raises ServiceUnavailable when too many are under way, BucketError when its bytes cannot
        be had.
        """
        self._places.take()
        try:
            return Body(self._bucket.get(key, byte_range), self._places)
        except NotFound as error:
            self._places.give_back()
            raise BucketError(f"{key}: recorded as stored, and not there") from error
        except BaseException:
            self._places.give_back()
            raise


class Body:
    """An object's bytes; closing gives back its connection and its place."""

    def __init__(self, found: StoredObject, places: Places) -> None:
        self.bytes = found.bytes
        self._stream = found.body
        self._places = places
        self._closed = False

    def __iter__(self) -> Iterator[bytes]:
        pieces: Iterator[bytes] = self._stream.iter_chunks(PIECE)
        return pieces

    def close(self) -> None:
        """Stop reading; again is no harm."""
        if not self._closed:
            self._closed = True
            self._stream.close()
            self._places.give_back()
