"""The bucket: S3's errors as ours, uploads that never show half of themselves."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Protocol, cast

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from fixative.errors import BucketError, NotFound
from fixative.settings import Settings


class SupportsRead(Protocol):
    """What can be uploaded: it is read once, from its beginning."""

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes, empty at the end."""


if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PART = 8 * 2**20
PIECE = 2**20
ABSENT = frozenset({"404", "NoSuchKey", "NotFound"})
# One part at a time in the calling thread: constant memory, and an error in reading the source
# aborts the upload instead of leaving it behind.
TRANSFER = TransferConfig(multipart_threshold=PART, multipart_chunksize=PART, use_threads=False)


@dataclass(frozen=True)
class StoredObject:
    """An object in the bucket; `body` only when its bytes were asked for."""

    bytes: int
    etag: str
    content_type: str
    body: Any = None
    content_range: str | None = None


class Bucket:
    """One bucket. Safe to use from many threads. Every method may raise BucketError."""

    def __init__(self, settings: Settings) -> None:
        secret = settings.aws_secret_access_key
        self.name = settings.s3_bucket
        self._s3: S3Client = boto3.client(
            "s3",
            endpoint_url=settings.s3_endpoint_url,
            region_name=settings.aws_region,
            aws_access_key_id=settings.aws_access_key_id,
            aws_secret_access_key=None if secret is None else secret.get_secret_value(),
            config=Config(
                connect_timeout=5,
                read_timeout=60,
                retries={"mode": "standard", "max_attempts": 3},
                max_pool_connections=32,
                request_checksum_calculation="when_required",  # not every S3 knows the newer ones
                response_checksum_validation="when_required",
                s3={"addressing_style": "path"} if settings.s3_endpoint_url else {},
            ),
        )

    def put(self, key: str, source: SupportsRead, content_type: str) -> None:
        """Upload all of `source`; whatever it raises while read comes through, nothing stored."""
        with _translated(key):
            self._s3.upload_fileobj(
                cast("IO[bytes]", source),
                self.name,
                key,
                ExtraArgs={"ContentType": content_type},
                Config=TRANSFER,
            )

    def head(self, key: str) -> StoredObject | None:
        """The object without its bytes; None when there is none."""
        try:
            with _translated(key):
                found = self._s3.head_object(Bucket=self.name, Key=key)
        except NotFound:
            return None
        return StoredObject(found["ContentLength"], found["ETag"], found["ContentType"])

    def get(self, key: str, byte_range: str | None = None) -> StoredObject:
        """The object with its bytes, or a part of them (`bytes=…`); the body is to be closed.

        Raises NotFound.
        """
        asked: Any = {"Range": byte_range} if byte_range else {}
        with _translated(key):
            found = self._s3.get_object(Bucket=self.name, Key=key, **asked)
        return StoredObject(
            found["ContentLength"],
            found["ETag"],
            found["ContentType"],
            found["Body"],
            found.get("ContentRange"),
        )

    def read(self, key: str) -> bytes:
        """All the object's bytes. Raises NotFound."""
        with _translated(key), self._s3.get_object(Bucket=self.name, Key=key)["Body"] as body:
            return body.read()

    def chunks(self, key: str) -> Iterator[bytes]:
        """The object's bytes, a piece at a time. Raises NotFound."""
        with (
            _translated(key),
            closing(self._s3.get_object(Bucket=self.name, Key=key)["Body"]) as body,
        ):
            yield from body.iter_chunks(PIECE)

    def close(self) -> None:
        """Close the connections that are idle."""
        self._s3.close()

    def check(self) -> None:
        """Raise BucketError unless the bucket is there and lets us in."""
        with _translated(self.name):
            self._s3.head_bucket(Bucket=self.name)


@contextmanager
def _translated(key: str) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        if code in ABSENT:
            raise NotFound(f"no object {key}") from error
        raise BucketError(f"{key}: {error}") from error
    except BotoCoreError as error:
        raise BucketError(f"{key}: {error}") from error
