"""The stage: the servers and the local Replicate, started once; the systems take turns on it."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import psycopg

from fixative.local import postgres, seaweedfs, valkey
from fixative.local.children import Children
from fixative.local.data_dir import open_data_dir
from fixative.local.environment import compose
from fixative.local.ports import kept_ports
from fixative.local.program import Program
from fixative.local.roles import STOP_ORDER, System, emulator
from fixative.local.secrets import kept_secrets
from fixative.local.servers import embedded

PORTS = (*postgres.PORTS, *valkey.PORTS, *seaweedfs.PORTS, "emulator", "api")
UNLIMITED = 60_000  # a minute: 1,000 a second, far above what two cores can do
QUICK = {
    "latency": {"*": {"start": 0.02, "run": 0.05}},
    "creates_per_minute": UNLIMITED,
    "reads_per_minute": UNLIMITED,
}


@dataclass(frozen=True)
class Stage:
    """Running servers, what their clients need to know, and a place for one system at a time."""

    system: System
    servers: Children

    def new_database(self, name: str) -> str:
        """The URL of an empty database of this name."""
        url = self.system.environ["DATABASE_URL"]
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return f"{url.rpartition('/')[0]}/{name}"

    @contextmanager
    def running(self, programs: Iterable[Program]) -> Iterator[dict[str, int]]:
        """Run these programs until the block ends; their processes, by role."""
        children = Children(self.system.data_dir)
        try:
            children.start(_ended_quickly(programs))
            children.until_ready()
            yield children.pids
        finally:
            children.stop(*STOP_ORDER)

    def webhook_secret(self) -> str:
        """What the local Replicate signs its webhooks with."""
        url = f"{self.system.url('emulator')}/v1/webhooks/default/secret"
        headers = {"Authorization": f"Bearer {self.system.environ['REPLICATE_API_TOKEN']}"}
        answer = httpx.get(url, headers=headers, trust_env=False).raise_for_status()
        return str(answer.json()["key"])

    def predictions_created(self) -> int:
        """How many predictions the local Replicate was asked for, since it began."""
        stats = httpx.get(f"{self.system.url('emulator')}/_emulator/stats", trust_env=False)
        return int(stats.raise_for_status().json()["creates"]["total"])


def _ended_quickly(programs: Iterable[Program]) -> list[Program]:
    """Nothing they hold at their end is wanted."""
    return [replace(program, grace=1) for program in programs]


@contextmanager
def open_stage() -> Iterator[Stage]:
    """Servers as durable as `fixative up` runs them, on data that is gone with the block."""
    with (
        TemporaryDirectory(prefix="fixative-bench-") as home,
        open_data_dir(Path(home) / "data") as data_dir,
    ):
        ports = kept_ports(data_dir.path, PORTS)
        secrets = kept_secrets(data_dir.path)
        embedded_servers = embedded(data_dir, secrets, ports)
        api_url = f"http://127.0.0.1:{ports['api']}"
        environ = compose(
            {
                **os.environ,
                "FIXATIVE_PUBLIC_URL": api_url,
                "FIXATIVE_CREATES_PER_MINUTE": str(UNLIMITED),
                "FIXATIVE_READS_PER_MINUTE": str(UNLIMITED),
            },
            data_dir=data_dir.path,
            secrets=secrets,
            servers=embedded_servers,
            api_url=api_url,
            local_replicate=f"http://127.0.0.1:{ports['emulator']}",
        )
        system = System(
            data_dir=data_dir,
            environ=environ,
            ports=ports,
            flower_password=secrets.flower_password,
            local_replicate=True,
            flower=False,
        )
        servers = Children(data_dir)
        try:
            programs = [server.program() for server in embedded_servers.values()]
            servers.start(_ended_quickly([*programs, emulator(system)]))
            servers.until_ready()
            config = f"{system.url('emulator')}/_emulator/config"
            httpx.post(config, json=QUICK, trust_env=False).raise_for_status()
            yield Stage(system, servers)
        finally:
            servers.stop()
