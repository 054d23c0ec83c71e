"""Records in a folder of a bucket."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from fixative.errors import BucketError, NotFound, RecordsAway
from fixative.media.bucket import Bucket, Listed
from fixative.media.reader import HashingReader


class BucketFolder:
    """Objects whose keys begin with `prefix`. Every method may raise RecordsAway."""

    def __init__(self, bucket: Bucket, prefix: str) -> None:
        self.address = f"s3://{bucket.name}/{prefix}"
        self._bucket = bucket
        self._prefix = prefix

    def write(self, name: str, chunks: Iterable[bytes]) -> None:
        """The object whole under its name: S3 shows nothing of it before."""
        with _translated():
            source = HashingReader(iter(chunks))
            self._bucket.put(f"{self._prefix}{name}", source, "application/json")

    def chunks(self, name: str) -> Iterator[bytes]:
        """The object's bytes, piece by piece. Raises NotFound, at the first."""
        with _translated():
            yield from self._bucket.chunks(f"{self._prefix}{name}")

    def names(self, folder: str) -> Iterator[str]:
        """The names of all objects in the folder and below."""
        return (found.key for found in self.listing(f"{folder}/"))

    def listing(self, beginning: str) -> Iterator[Listed]:
        """The objects whose names begin so, each with its name and length."""
        with _translated():
            for found in self._bucket.listing(f"{self._prefix}{beginning}"):
                yield Listed(found.key.removeprefix(self._prefix), found.bytes)

    def children(self, folder: str) -> Iterator[str]:
        """What lies in the folder itself, objects and folders, each without the folder's name."""
        with _translated():
            yield from self._bucket.children(f"{self._prefix}{folder}/")

    def delete(self, names: Sequence[str]) -> None:
        """Remove these objects; one that is not there is no error."""
        with _translated():
            self._bucket.delete([f"{self._prefix}{name}" for name in names])

    def delete_folder(self, folder: str) -> None:
        """Remove the folder with all that is in it."""
        with _translated():
            self._bucket.delete_folder(f"{self._prefix}{folder}/")

    def point(self, link: str, folder: str) -> None:
        """Have `link` be an object of one line, the folder's name."""
        self.write(link, [f"{folder}\n".encode()])

    def pointed(self, link: str) -> str | None:
        """Where `link` leads; None: there is none."""
        try:
            return b"".join(self.chunks(link)).decode(errors="replace").strip()
        except NotFound:
            return None

    def close(self) -> None:
        """Close the connections that are idle."""
        self._bucket.close()


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except BucketError as error:
        raise RecordsAway(str(error)) from error
