"""Every stored byte, read back and compared: bucket, database, Replicate, GET /media."""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import httpx
from botocore.exceptions import BotoCoreError, ClientError

from fixative.cli.api_client import Api, ApiError
from fixative.cli.demo.errors import DemoFailed
from fixative.cli.s3 import open_s3

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

FOLDERS = {"image": "images", "video": "videos", "audio": "audio", "text": "text"}


class Print(NamedTuple):
    """What two copies have in common when they are the same."""

    sha256: str
    bytes: int


@dataclass(frozen=True)
class Checked:
    """What was found to be right."""

    objects: int
    bytes: int


class Checker:
    """Compares what is stored of a job with everybody who knows what it should be."""

    def __init__(self, run: dict[str, Any], api: Api) -> None:
        s3 = run["s3"]
        self._api = api
        self._bucket = s3["bucket"]
        self._s3: S3Client = open_s3(
            endpoint_url=s3["endpoint_url"],
            region=s3["region"],
            access_key=s3["access_key"],
            secret_key=s3["secret_key"],
        )
        self._replicate = httpx.Client(base_url=run["replicate_url"], trust_env=False, timeout=30)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._s3.close()
        self._replicate.close()

    def check(self, kind: str, job: dict[str, Any]) -> Checked:
        """Raises DemoFailed where any two of them differ, or one cannot be read."""
        try:
            return self._check(kind, job)
        except (BotoCoreError, ClientError, httpx.HTTPError, ApiError) as error:
            raise DemoFailed(f"{kind}: {error}") from error

    def _check(self, kind: str, job: dict[str, Any]) -> Checked:
        recorded = {item["name"]: Print(item["sha256"], item["bytes"]) for item in job["media"]}
        for item in job["media"]:
            place = f"{kind}: {item['name']}"
            said = recorded[item["name"]]
            _same(place, "the database", said, "the bucket", self._in_bucket(job, item["name"]))
            _same(place, "the database", said, "GET /media", self._over_http(item["url"]))
        originals = sorted(
            (item for item in job["media"] if item["role"] == "original"),
            key=lambda item: item["index"],
        )
        served = self._served(job["prediction"]["id"])
        if len(originals) != len(served):
            raise DemoFailed(
                f"{kind}: Replicate served {len(served)} files, {len(originals)} are stored"
            )
        for item, theirs in zip(originals, served, strict=True):
            place = f"{kind}: {item['name']}"
            _same(place, "the database", recorded[item["name"]], "Replicate", theirs)
        return Checked(len(recorded), sum(each.bytes for each in recorded.values()))

    def _in_bucket(self, job: dict[str, Any], name: str) -> Print:
        key = key_of(job, name)
        body = self._s3.get_object(Bucket=self._bucket, Key=key)["Body"]
        return fingerprint(body.iter_chunks())

    def _over_http(self, url: str) -> Print:
        with self._api.stream(url) as chunks:
            return fingerprint(chunks)

    def _served(self, prediction_id: str) -> list[Print]:
        """What the local Replicate says it has served, in document order."""
        answer = self._replicate.get(f"/_emulator/expected/{prediction_id}").raise_for_status()
        return [Print(entry["sha256"], entry["bytes"]) for entry in answer.json()]


def key_of(job: dict[str, Any], name: str) -> str:
    """Where an object of this job lies, as the contract has it."""
    folder = FOLDERS.get(job["job_type"], "files")
    day = job["created_at"][:10].replace("-", "/")
    return f"{folder}/{job['owner_id']}/{day}/{job['id']}/{name}"


def fingerprint(chunks: Iterable[bytes]) -> Print:
    """The SHA-256 and the length of the whole."""
    digest, length = sha256(), 0
    for chunk in chunks:
        digest.update(chunk)
        length += len(chunk)
    return Print(digest.hexdigest(), length)


def _same(place: str, one: str, ours: Print, other: str, theirs: Print) -> None:
    if ours != theirs:
        raise DemoFailed(
            f"{place}: {one} says {ours.bytes} bytes, {ours.sha256[:12]}…; "
            f"{other} has {theirs.bytes} bytes, {theirs.sha256[:12]}…"
        )
