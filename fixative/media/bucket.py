"""The bucket: S3's errors as ours, uploads that never show half of themselves."""

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from urllib3.exceptions import HTTPError

from fixative.errors import BucketError, NotFound
from fixative.media.disposition import disposition
from fixative.media.upload import SupportsRead, upload
from fixative.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

DELETED_AT_ONCE = 1000  # S3's own limit
PIECE = 128 * 2**10
ABSENT = frozenset({"404", "NoSuchKey", "NotFound"})


@dataclass(frozen=True)
class StoredObject:
    """An object in the bucket; `body` only when its bytes were asked for."""

    bytes: int
    etag: str
    content_type: str
    body: Any = None
    content_range: str | None = None


@dataclass(frozen=True)
class Listed:
    """An object as a listing shows it."""

    key: str
    bytes: int


class Bucket:
    """One bucket. Safe to use from many threads. Every method may raise BucketError."""

    def __init__(self, settings: Settings) -> None:
        secret = settings.aws_secret_access_key
        self.name = settings.s3_bucket
        self._encryption = _encryption(settings)
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
                signature_version="s3v4",  # the older one signs no length into an upload's URL
                request_checksum_calculation="when_required",  # not every S3 knows the newer ones
                response_checksum_validation="when_required",
                parameter_validation=False,  # they are ours, and S3 says what is wrong with one
                user_agent=f"fixative/{version('fixative')}",  # boto's is put together each time
                s3={
                    "addressing_style": "path" if settings.s3_endpoint_url else "auto",
                    "use_accelerate_endpoint": settings.s3_accelerate,
                    "payload_signing_enabled": _can_be_altered(settings.s3_endpoint_url),
                },
            ),
        )
        self._s3.meta.events.register_last("before-call.s3", _send_at_once)

    def put(self, key: str, source: SupportsRead, content_type: str) -> None:
        """Upload all of `source`; whatever it raises while read comes through, nothing stored."""
        with _translated(key):
            headers = {
                "ContentType": content_type,
                "ContentDisposition": disposition(content_type),
                **self._encryption,
            }
            upload(self._s3, self.name, key, source, headers)

    def head(self, key: str) -> StoredObject | None:
        """The object without its bytes; None when there is none."""
        try:
            with _translated(key):
                found = self._s3.head_object(Bucket=self.name, Key=key)
        except NotFound:
            return None
        return StoredObject(found["ContentLength"], found["ETag"], found["ContentType"])

    def holds(self, key: str, size: int) -> bool:
        """Whether the object is there, and of this many bytes."""
        found = self.head(key)
        return found is not None and found.bytes == size

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
        with _translated(key), closing(self.get(key).body) as body:
            whole: bytes = body.read()
            return whole

    def delete(self, keys: Sequence[str]) -> None:
        """Remove these objects; one that is not there is no error."""
        for start in range(0, len(keys), DELETED_AT_ONCE):
            batch = keys[start : start + DELETED_AT_ONCE]
            with _translated(batch[0]):
                answer = self._s3.delete_objects(
                    Bucket=self.name,
                    Delete={"Objects": [{"Key": key} for key in batch], "Quiet": True},
                )
            if left := answer.get("Errors"):
                raise BucketError(f"{left[0].get('Key')}: {left[0].get('Message')}")

    def delete_folder(self, prefix: str) -> None:
        """Remove every object whose key begins so."""
        self.delete([found.key for found in self.listing(prefix)])

    def listing(self, prefix: str) -> Iterator[Listed]:
        """Every object whose key begins so, in the order of keys."""
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=prefix)
        with _translated(prefix):
            for page in pages:
                for found in page.get("Contents", ()):
                    yield Listed(found["Key"], found["Size"])

    def children(self, prefix: str) -> Iterator[str]:
        """The next parts of all keys that begin so, up to a `/`: what lies in a folder itself."""
        pages = self._s3.get_paginator("list_objects_v2").paginate(
            Bucket=self.name, Prefix=prefix, Delimiter="/"
        )
        with _translated(prefix):
            for page in pages:
                for folder in page.get("CommonPrefixes", ()):
                    yield folder["Prefix"][len(prefix) : -1]
                for found in page.get("Contents", ()):
                    yield found["Key"].removeprefix(prefix)

    def address(self, key: str, *, name: str, content_type: str, seconds: int) -> str:
        """Where anybody may GET the object for so many seconds, straight from the bucket."""
        filename = name.replace("/", "-")
        with _translated(key):
            return self._s3.generate_presigned_url(
                "get_object",
                Params={
                    "Bucket": self.name,
                    "Key": key,
                    "ResponseContentType": content_type,
                    "ResponseContentDisposition": (
                        f'{disposition(content_type)}; filename="{filename}"'
                    ),
                },
                ExpiresIn=seconds,
            )

    def chunks(self, key: str) -> Generator[bytes, None, None]:
        """All the object's bytes, piece by piece. Raises NotFound, at the first."""
        with _translated(key), closing(self.get(key).body) as body:
            yield from body.iter_chunks(PIECE)

    @property
    def upload_headers(self) -> dict[str, str]:
        """What such a PUT has to send beside its type and length."""
        sse, key = (self._encryption.get(n) for n in ("ServerSideEncryption", "SSEKMSKeyId"))
        told = {
            "x-amz-server-side-encryption": sse,
            "x-amz-server-side-encryption-aws-kms-key-id": key,
        }
        return {name: value for name, value in told.items() if value}

    def upload_url(self, key: str, content_type: str, length: int, *, seconds: int) -> str:
        """Where anybody may PUT the object, within so many seconds, of this type and length."""
        with _translated(key):
            return self._s3.generate_presigned_url(
                "put_object",
                Params={
                    "Bucket": self.name,
                    "Key": key,
                    "ContentType": content_type,
                    "ContentLength": length,
                    **self._encryption,
                },
                ExpiresIn=seconds,
            )

    def close(self) -> None:
        """Close the connections that are idle."""
        self._s3.close()

    def check(self) -> None:
        """Raise BucketError unless the bucket is there and lets us in."""
        with _translated(self.name):
            self._s3.head_bucket(Bucket=self.name)


def _can_be_altered(endpoint_url: str | None) -> bool:
    """Whether bytes could change on the way unseen: only then a second hash of them pays."""
    parts = urlsplit(endpoint_url or "https:")
    return parts.scheme == "http" and parts.hostname not in {"127.0.0.1", "::1", "localhost"}


def _send_at_once(params: dict[str, Any], **_about: Any) -> None:
    """Ask for no leave to send a body: that is a round trip more, and most are small."""
    params["headers"].pop("Expect", None)


def _encryption(settings: Settings) -> dict[str, str]:
    """How S3 is asked to encrypt what is put; nothing: as the bucket does by itself."""
    asked = {"ServerSideEncryption": settings.s3_sse, "SSEKMSKeyId": settings.s3_kms_key_id}
    return {name: value for name, value in asked.items() if value}


@contextmanager
def _translated(key: str) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        if code in ABSENT:
            raise NotFound(f"no object {key}") from error
        raise BucketError(f"{key}: {error}") from error
    except (BotoCoreError, HTTPError) as error:  # botocore lets some of urllib3's through
        raise BucketError(f"{key}: {error}") from error
