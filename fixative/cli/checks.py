"""What `fixative doctor` looks at: each check answers one finding and raises nothing."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import httpx
import redis
from botocore.exceptions import BotoCoreError, ClientError
from sqlalchemy import text

from fixative.cli.api_client import is_this_machine
from fixative.cli.s3 import s3_of
from fixative.errors import DatabaseAway, NotFound, RecordsAway, WrongSetting
from fixative.postgres.engine import Database
from fixative.postgres.migrate import standing
from fixative.recovery.record_store import S3, open_store
from fixative.recovery.records import DAILY
from fixative.settings import Settings

SECONDS = 5


@dataclass(frozen=True)
class Finding:
    """What one check found; `ok` is None where it is neither right nor wrong."""

    name: str
    ok: bool | None
    detail: str


def findings(settings: Settings) -> Iterator[Finding]:
    """Every check in turn, each found when it is asked for."""
    for check in CHECKS:
        yield check(settings)


def check_postgres(settings: Settings) -> Finding:
    """Postgres answers, can hold every text, and has the tables that this code expects."""
    database = Database.of(settings, connections=1, application="fixative-doctor")
    try:
        if standing(settings.sqlalchemy_url).behind:
            return Finding("Postgres", False, "a migration is pending: run `fixative migrate`")
        with database.begin() as session:
            version = session.scalar(text("SHOW server_version"))
    except (DatabaseAway, WrongSetting) as error:
        return Finding("Postgres", False, str(error))
    finally:
        database.close()
    return Finding("Postgres", True, f"{version}, migrated")


def check_redis(settings: Settings) -> Finding:
    """Redis or Valkey answers, and never throws a message away to make room."""
    url = settings.redis_url.get_secret_value()
    try:
        with redis.Redis.from_url(
            url, socket_connect_timeout=SECONDS, socket_timeout=SECONDS
        ) as client:
            told = client.info()
    except (redis.RedisError, ValueError) as error:
        return Finding("Redis", False, str(error))
    policy = told.get("maxmemory_policy", "unknown")
    if policy != "noeviction":
        return Finding("Redis", False, f"maxmemory-policy is {policy}: set it to noeviction")
    version = told.get("valkey_version")
    name = f"Valkey {version}" if version else f"Redis {told.get('redis_version')}"
    return Finding("Redis", True, f"{name}, noeviction")


def check_bucket(settings: Settings) -> Finding:
    """An object can be put into the bucket, read back, and deleted."""
    s3 = s3_of(settings)
    bucket, content = settings.s3_bucket, b"fixative doctor"
    prefix = f"{settings.s3_prefix.strip('/')}/".lstrip("/")
    key = f"{prefix}temp/doctor-{uuid4()}/probe"
    try:
        s3.head_bucket(Bucket=bucket)  # some servers would make it when it is put into
        s3.put_object(Bucket=bucket, Key=key, Body=content)
        read = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        s3.delete_object(Bucket=bucket, Key=key)
    except (BotoCoreError, ClientError) as error:
        return Finding("Bucket", False, f"{bucket}: {error}")
    if read != content:
        return Finding("Bucket", False, f"{bucket}: reads back something else than was put")
    return Finding("Bucket", True, f"{bucket}, put, read and deleted an object")


def check_records(settings: Settings) -> Finding:
    """A record can be written where OUTPUT_DIR says, read back, and deleted."""
    place, name = settings.output_dir, f"doctor-{uuid4()}/probe"
    shown = place if place.startswith(S3) else str(Path(place).absolute())
    store = open_store(settings)
    try:
        list(store.children(DAILY))  # some servers would make a bucket when it is put into
        store.write(name, [b"fixative doctor"])
        read = b"".join(store.chunks(name))
        store.delete([name])
    except (NotFound, RecordsAway) as error:
        advice = "set OUTPUT_DIR to a directory that may be written, or to s3://BUCKET/PREFIX"
        return Finding("Records", False, f"{error}: {advice}")
    finally:
        store.close()
    if read != b"fixative doctor":
        return Finding("Records", False, f"{shown}: reads back something else than was written")
    return Finding("Records", True, f"{shown}, wrote, read and deleted a file")


def check_replicate(settings: Settings) -> Finding:
    """Replicate answers, and knows our token."""
    base = settings.replicate_base_url
    token = settings.replicate_api_token.get_secret_value()
    try:
        with httpx.Client(timeout=SECONDS, trust_env=not is_this_machine(base)) as http:
            answer = http.get(f"{base}/v1/account", headers={"Authorization": f"Bearer {token}"})
        account = answer.json() if answer.is_success else {}
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        return Finding("Replicate", False, f"{base}: {error}")
    if answer.status_code in {401, 403}:
        return Finding("Replicate", False, f"{base}: REPLICATE_API_TOKEN is refused")
    if "username" not in account:
        return Finding("Replicate", False, f"{base}: answered {answer.status_code}")
    return Finding("Replicate", True, f"{base}, as {account['username']}")


def check_public_url(settings: Settings) -> Finding:
    """Whether Replicate is asked for webhooks, and where they go."""
    url = settings.webhook_url
    if url is None:
        return Finding(
            "Public URL", None, "FIXATIVE_PUBLIC_URL is unset: no webhooks, polling finds all"
        )
    return Finding("Public URL", True, f"webhooks go to {url}")


CHECKS: tuple[Callable[[Settings], Finding], ...] = (
    check_postgres,
    check_redis,
    check_bucket,
    check_records,
    check_replicate,
    check_public_url,
)
