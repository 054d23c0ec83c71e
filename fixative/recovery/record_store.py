"""Where records are written: OUTPUT_DIR, which is a directory, or a folder of a bucket."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

from fixative.media.bucket import Bucket
from fixative.recovery.record_bucket import BucketFolder
from fixative.recovery.record_directory import Directory
from fixative.settings import Settings

S3 = "s3://"


class RecordStore(Protocol):
    """Files by name, `/` between its parts. Every method may raise RecordsAway."""

    def write(self, name: str, chunks: Iterable[bytes]) -> None:
        """The file whole under its name, in the place of an earlier one; or, on an error, not."""

    def chunks(self, name: str) -> Iterator[bytes]:
        """The file's bytes, piece by piece. Raises NotFound, at the first."""

    def names(self, folder: str) -> Iterator[str]:
        """The names of all whole files in the folder and below, as they are found."""

    def children(self, folder: str) -> Iterator[str]:
        """What lies in the folder itself, files and folders, each without the folder's name."""

    def delete(self, names: Sequence[str]) -> None:
        """Remove these files; one that is not there is no error."""

    def delete_folder(self, folder: str) -> None:
        """Remove the folder with all that is in it, whole files or not."""

    def point(self, link: str, folder: str) -> None:
        """Have `link` lead to `folder`."""

    def pointed(self, link: str) -> str | None:
        """Where `link` leads; None: there is none."""

    def close(self) -> None:
        """Close what was opened."""


def open_store(settings: Settings) -> RecordStore:
    """OUTPUT_DIR; nothing is made until something is written."""
    if settings.output_dir.startswith(S3):
        return bucket_folder(settings.output_dir, settings)
    return Directory(Path(settings.output_dir))


def bucket_folder(address: str, settings: Settings) -> BucketFolder:
    """The folder that an `s3://bucket/prefix` names; the S3 server is that of the media."""
    name, _, prefix = address.removeprefix(S3).partition("/")
    bucket = Bucket(settings.model_copy(update={"s3_bucket": name}))
    return BucketFolder(bucket, f"{prefix.strip('/')}/" if prefix.strip("/") else "")
