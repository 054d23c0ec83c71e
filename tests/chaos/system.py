"""The whole system as processes: its servers in one `fixative up`, all else in a second one.

Between the two stand proxies, so that connections can be cut, silenced and slowed.
"""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import httpx
import psycopg
from botocore.config import Config
from redis import Redis

from tests.chaos.proxy import Proxy
from tests.processes import parent_of, signal_family

OURS = ("REPLICATE_", "FIXATIVE_", "DATABASE_", "REDIS_", "S3_", "AWS_")
SERVERS = ("postgres", "valkey", "seaweedfs")
BACK_SECONDS = 90


class ChaosSystem:
    """A running system; `step_file` orders a death at a labelled step."""

    def __init__(self, home: Path, **settings: str) -> None:
        self.home = home
        self.step_file = home / "step.json"
        clean = {k: v for k, v in os.environ.items() if not k.startswith(OURS)}
        fixative = str(Path(sys.executable).with_name("fixative"))
        services = [fixative, "up", "--services", "--data-dir", str(home / "servers")]
        self._servers = _started(services, clean)
        run = self._run_of("servers")
        database, redis, s3 = (
            urlsplit(url)
            for url in (run["database_url"], run["redis_url"], run["s3"]["endpoint_url"])
        )
        self.proxies = {
            "postgres": Proxy(("127.0.0.1", database.port or 0)),
            "valkey": Proxy(("127.0.0.1", redis.port or 0)),
            "seaweedfs": Proxy(("127.0.0.1", s3.port or 0)),
        }
        self.direct = run
        environ = {
            **clean,
            "DATABASE_URL": _through(run["database_url"], self.proxies["postgres"]),
            "REDIS_URL": _through(run["redis_url"], self.proxies["valkey"]),
            "S3_BUCKET": run["s3"]["bucket"],
            "S3_ENDPOINT_URL": _through(run["s3"]["endpoint_url"], self.proxies["seaweedfs"]),
            "AWS_REGION": run["s3"]["region"],
            "AWS_ACCESS_KEY_ID": run["s3"]["access_key"],
            "AWS_SECRET_ACCESS_KEY": run["s3"]["secret_key"],
            "CHAOS_STEP": str(self.step_file),
            **settings,
        }
        entry = [sys.executable, str(Path(__file__).with_name("entry.py")), "up"]
        self._system = _started([*entry, str(home / "system")], environ)
        self.url = self.run["api_url"]
        self.replicate = self.run["replicate_url"]
        self.headers = {"Authorization": f"Bearer {self.run['admin_key']}"}

    @property
    def run(self) -> dict[str, Any]:
        """What runs now, the servers aside."""
        return self._run_of("system")

    def set_budget(self, amount: str) -> None:
        """What whoever submits may spend, by the day and in all."""
        for period in ("day", "total"):
            budget = {"owner": "admin", "period": period, "amount": amount}
            url = f"{self.url}/admin/budgets"
            httpx.put(url, json=budget, headers=self.headers, timeout=30).raise_for_status()

    def pid(self, role: str) -> int | None:
        """The leader of the role's process group; None between death and restart."""
        run = self._run_of("servers") if role in SERVERS else self.run
        return next((p["pid"] for p in run["processes"] if p["role"] == role), None)

    def signal(self, role: str, number: int) -> bool:
        """Signal every process of the role; False when it was not there."""
        pid = self.pid(role)
        if pid is None or parent_of(pid) is None:
            return False
        signal_family(pid, number)
        return True

    def stopped(self, role: str) -> bool:
        """Whether the role's leader is in SIGSTOP."""
        pid = self.pid(role)
        with suppress(OSError):
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"
        return False

    def configure(self, **config: Any) -> None:
        """Change the local Replicate."""
        url = f"{self.replicate}/_emulator/config"
        httpx.post(url, json=config, timeout=30).raise_for_status()

    def stats(self) -> dict[str, Any]:
        """What the local Replicate counted."""
        stats = httpx.get(f"{self.replicate}/_emulator/stats", timeout=60)
        return dict(stats.raise_for_status().json())

    def expected(self, prediction_id: str) -> list[str]:
        """The SHA-256 of each output of a prediction."""
        url = f"{self.replicate}/_emulator/expected/{prediction_id}"
        answer = httpx.get(url, timeout=60).raise_for_status()
        return [item["sha256"] for item in answer.json()]

    def sql(self, query: str) -> list[tuple[Any, ...]]:
        """Rows of a query, straight from Postgres."""
        with psycopg.connect(self.direct["database_url"], connect_timeout=10) as connection:
            return connection.execute(query).fetchall()  # type: ignore[arg-type]

    def redis(self) -> Redis:
        """Valkey, not through the proxy."""
        return Redis.from_url(self.direct["redis_url"], socket_timeout=5)

    def object_sha256(self, key: str) -> str | None:
        """Of the object's bytes; None when there is none."""
        s3 = self._s3
        try:
            body = s3.get_object(Bucket=self.direct["s3"]["bucket"], Key=key)["Body"]
        except s3.exceptions.NoSuchKey:
            return None
        with body:
            return sha256(body.read()).hexdigest()

    def until_ready(self) -> None:
        """Come back when everything answers."""
        give_up = time.monotonic() + BACK_SECONDS
        while time.monotonic() < give_up:
            with suppress(httpx.TransportError):
                if httpx.get(f"{self.url}/readyz", timeout=5).status_code == httpx.codes.OK:
                    return
            time.sleep(0.5)
        raise AssertionError(f"not ready within {BACK_SECONDS} s")

    def stop(self) -> None:
        """End it all."""
        for process in (self._system, self._servers):
            process.send_signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                process.wait(40)
            process.kill()
            process.communicate()
        self._s3.close()
        for proxy in self.proxies.values():
            proxy.stop()

    def _run_of(self, part: str) -> dict[str, Any]:
        return dict(json.loads((self.home / part / "run.json").read_text()))

    @cached_property
    def _s3(self) -> Any:
        at = self.direct["s3"]
        return boto3.client(
            "s3",
            endpoint_url=at["endpoint_url"],
            region_name=at["region"],
            aws_access_key_id=at["access_key"],
            aws_secret_access_key=at["secret_key"],
            config=Config(retries={"mode": "standard", "max_attempts": 10}),
        )


def _started(command: list[str], environ: dict[str, str]) -> "subprocess.Popen[str]":
    """The process, once it has said `ready`."""
    process = subprocess.Popen(
        command, env=environ, stdout=subprocess.PIPE, stderr=sys.stderr, text=True
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line.startswith("ready "), f"{command} did not start: {line}"
    return process


def _through(url: str, proxy: Proxy) -> str:
    """The URL, by way of the proxy."""
    parts = urlsplit(url)
    who, _, _ = parts.netloc.rpartition("@")
    netloc = f"{who}@127.0.0.1:{proxy.port}" if who else f"127.0.0.1:{proxy.port}"
    return parts._replace(netloc=netloc).geturl()
