"""The bucket, seen from outside: a client of our own, so that a check trusts nothing it checks."""

from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

from fixative.cli.api_client import is_this_machine
from fixative.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def open_s3(
    *, endpoint_url: str | None, region: str, access_key: str | None, secret_key: str | None
) -> "S3Client":
    """A client that gives up after seconds; without keys, the usual AWS ones."""
    local = endpoint_url is not None and is_this_machine(endpoint_url)
    config = Config(
        connect_timeout=5,
        read_timeout=30,
        retries={"mode": "standard", "total_max_attempts": 2},
        proxies={} if local else None,
        s3={"addressing_style": "path"} if endpoint_url else {},
    )
    return boto3.client(
        "s3",
        endpoint_url=endpoint_url,
        region_name=region,
        aws_access_key_id=access_key,
        aws_secret_access_key=secret_key,
        config=config,
    )


def s3_of(settings: Settings) -> "S3Client":
    """The client of the bucket that the settings name."""
    secret = settings.aws_secret_access_key
    return open_s3(
        endpoint_url=settings.s3_endpoint_url,
        region=settings.aws_region,
        access_key=settings.aws_access_key_id,
        secret_key=None if secret is None else secret.get_secret_value(),
    )
