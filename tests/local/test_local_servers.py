import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import boto3
import psycopg
import pytest
import redis

from fixative.local.errors import DataDirInUse
from fixative.local.servers import embedded_servers

PARENT = """
import sys, time
from pathlib import Path
from fixative.local.servers import embedded_servers
with embedded_servers(Path(sys.argv[1])) as variables:
    print(variables["DATABASE_URL"], flush=True)
    time.sleep(600)
"""


def s3(variables: dict[str, str]):
    return boto3.client(
        "s3",
        endpoint_url=variables["S3_ENDPOINT_URL"],
        region_name=variables["AWS_REGION"],
        aws_access_key_id=variables["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=variables["AWS_SECRET_ACCESS_KEY"],
    )


def write(variables: dict[str, str], word: str) -> None:
    with psycopg.connect(variables["DATABASE_URL"]) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS words (word text)")
        connection.execute("INSERT INTO words VALUES (%s)", [word])
    with redis.Redis.from_url(variables["REDIS_URL"]) as client:
        client.set(word, word)
    s3(variables).put_object(Bucket=variables["S3_BUCKET"], Key=word, Body=word.encode())


def holds(variables: dict[str, str], word: str) -> bool:
    with psycopg.connect(variables["DATABASE_URL"]) as connection:
        row = connection.execute("SELECT 1 FROM words WHERE word = %s", [word]).fetchone()
    with redis.Redis.from_url(variables["REDIS_URL"]) as client:
        key = client.get(word)
    stored = s3(variables).get_object(Bucket=variables["S3_BUCKET"], Key=word)["Body"].read()
    return row == (1,) and key == stored == word.encode()


def strangers_are_refused(variables: dict[str, str]) -> None:
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(variables["DATABASE_URL"].replace("fixative:", "fixative:x"))
    anonymous = redis.Redis.from_url(f"redis://{variables['REDIS_URL'].partition('@')[2]}")
    with anonymous, pytest.raises(redis.AuthenticationError):
        anonymous.ping()
    client = s3({**variables, "AWS_SECRET_ACCESS_KEY": "wrong"})
    with pytest.raises(client.exceptions.ClientError, match="SignatureDoesNotMatch"):
        client.list_objects_v2(Bucket=variables["S3_BUCKET"])


@pytest.fixture
def closed(tmp_path: Path) -> Path:
    """A directory that only we can enter, as a home is."""
    path = tmp_path / "home"
    path.mkdir(mode=0o700)
    return path


@pytest.mark.wide
def test_data_and_addresses_survive_a_stop_and_a_kill_9(
    closed: Path, until: Callable[[Callable[[], object]], None]
) -> None:
    data = closed / "data"
    with embedded_servers(data) as first:
        write(first, "stopped")
        strangers_are_refused(first)

    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(data)], stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout
    with parent, parent.stdout:
        assert parent.stdout.readline().strip() == first["DATABASE_URL"]
        with pytest.raises(DataDirInUse), embedded_servers(data):
            pass
        write(first, "killed")
        # Redis is asked to write once a second.
        until(lambda: b"killed" in appended(data))
        os.kill(parent.pid, signal.SIGKILL)

    with embedded_servers(data) as second:  # waits until the orphans have ended
        assert second == first
        assert holds(second, "stopped")
        assert holds(second, "killed")
    assert closed.stat().st_mode & 0o777 == 0o700


def appended(data: Path) -> bytes:
    return b"".join(path.read_bytes() for path in data.glob("valkey/appendonlydir/*.incr.aof"))
