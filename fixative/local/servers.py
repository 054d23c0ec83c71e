"""Real Postgres, Valkey and S3 on this machine, for `fixative up` and for tests."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from fixative.local import postgres, seaweedfs, valkey
from fixative.local.children import Children
from fixative.local.data_dir import DataDir, open_data_dir
from fixative.local.ports import give_up, kept_ports
from fixative.local.program import Program
from fixative.local.secrets import Secrets, kept_secrets

ROLES = (postgres.ROLE, valkey.ROLE, seaweedfs.ROLE)


class Server(Protocol):
    """An embedded server that is known, running or not."""

    @property
    def variables(self) -> dict[str, str]:
        """What its clients need to know, under the names of our settings."""

    def program(self) -> Program:
        """How to run it, its data being prepared now."""


def embedded(
    data_dir: DataDir, secrets: Secrets, ports: dict[str, int], *, durable: bool = True
) -> dict[str, Server]:
    """The three servers of a data directory, by role."""
    return {
        postgres.ROLE: postgres.Postgres(
            data_dir.subdirectory("postgres"),
            ports["postgres"],
            secrets.database_password,
            durable,
        ),
        valkey.ROLE: valkey.Valkey(
            data_dir.subdirectory("valkey"), ports["valkey"], secrets.redis_password, durable
        ),
        seaweedfs.ROLE: seaweedfs.SeaweedFS(
            data_dir.subdirectory("seaweedfs"), ports, secrets.s3_access_key, secrets.s3_secret_key
        ),
    }


@contextmanager
def embedded_servers(data_dir: Path, *, durable: bool = True) -> Iterator[dict[str, str]]:
    """Run the three servers, and yield the variables by which our settings find them.

    They answer when the block begins and are gone when it ends; the data stays in `data_dir`. With
    durable=False they start faster and write nothing down for a power cut: for tests. Call it
    from the main thread.
    """
    with open_data_dir(data_dir) as opened:
        ports = kept_ports(opened.path, (*postgres.PORTS, *valkey.PORTS, *seaweedfs.PORTS))
        servers = embedded(opened, kept_secrets(opened.path), ports, durable=durable)
        children = Children(opened)
        try:
            children.start(server.program() for server in reversed(servers.values()))
            children.until_ready()
            yield {name: value for s in servers.values() for name, value in s.variables.items()}
        finally:
            children.stop()
            give_up(ports.values())
