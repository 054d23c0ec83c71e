"""Uploading: small objects in one request, large ones in parts, and nothing seen before its end."""

from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef

PART = 6 * 2**20
AT_ONCE = 4  # parts on their way while the next is read: memory for five


class SupportsRead(Protocol):
    """What can be uploaded: it is read once, from its beginning, in the caller's thread."""

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes; fewer than `size` only at the end."""


def upload(
    s3: "S3Client", bucket: str, key: str, source: SupportsRead, headers: Mapping[str, Any]
) -> None:
    """Put all of `source` at the key, or nothing: whatever it raises while read comes through.

    Raises botocore's errors. What a killed process leaves behind is an unfinished upload, which
    nobody sees, and which a rule of the bucket sweeps.
    """
    first = source.read(PART)
    if len(first) < PART:
        s3.put_object(Bucket=bucket, Key=key, Body=first, **headers)
        return
    place: dict[str, Any] = {"Bucket": bucket, "Key": key}
    upload_id = s3.create_multipart_upload(**place, **headers)["UploadId"]
    try:
        parts = _send(s3, {**place, "UploadId": upload_id}, _parts(first, source))
        s3.complete_multipart_upload(**place, UploadId=upload_id, MultipartUpload={"Parts": parts})
    except BaseException:
        with suppress(BotoCoreError, ClientError):  # the rule sweeps what this leaves
            s3.abort_multipart_upload(**place, UploadId=upload_id)
        raise


def _parts(first: bytes, source: SupportsRead) -> Iterator[bytes]:
    part = first
    while part:
        yield part
        part = source.read(PART)


def _send(
    s3: "S3Client", place: dict[str, Any], parts: Iterator[bytes]
) -> list["CompletedPartTypeDef"]:
    """Upload the parts, a few at once, while the next is read; what S3 calls each."""

    def send(number: int, part: bytes) -> "CompletedPartTypeDef":
        sent = s3.upload_part(**place, PartNumber=number, Body=part)
        return {"PartNumber": number, "ETag": sent["ETag"]}

    sent = list["CompletedPartTypeDef"]()
    under_way = deque[Future["CompletedPartTypeDef"]]()
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="upload") as threads:
        for number, part in enumerate(parts, start=1):
            if len(under_way) == AT_ONCE:
                sent.append(under_way.popleft().result())
            under_way.append(threads.submit(send, number, part))
        sent += [upload.result() for upload in under_way]
    return sent
