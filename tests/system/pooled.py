"""A real PgBouncer before a test's database, set up as deploy/pgbouncer has it."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from fixative.local.accounts import account_for_postgres, give
from fixative.local.ports import kept_ports
from tests.waiting import waited_for

DEPLOY = Path(__file__).parents[2] / "deploy" / "pgbouncer"
PROGRAM = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin") or "pgbouncer"
KNOWS_PREPARED = (1, 21)
SERVERS = 4


@dataclass(frozen=True)
class Pooled:
    """Where it listens, what it can, and how many connections to Postgres it has at most."""

    url: str
    prepared: bool
    servers: int = SERVERS

    def clients(self) -> int:
        """How many are connected to it, ourselves not counted."""
        address = urlsplit(self.url)
        own = address._replace(path="/pgbouncer").geturl()
        # Its console knows no transactions, and no statement with parameters.
        with psycopg.connect(own, autocommit=True, cursor_factory=psycopg.ClientCursor) as console:
            rows = console.execute("SHOW CLIENTS").fetchall()
        return sum(address.path[1:] in row for row in rows)


@contextmanager
def pooled(database_url: str, directory: Path) -> Iterator[Pooled]:
    """PgBouncer by transaction, with few connections, until the block ends."""
    told = subprocess.run([PROGRAM, "--version"], capture_output=True, text=True, check=True)
    found = re.search(r"(\d+)\.(\d+)", told.stdout)
    assert found, told.stdout
    prepared = tuple(map(int, found.groups())) >= KNOWS_PREPARED
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute((DEPLOY / "database.sql").read_text())
    port = kept_ports(directory, ("pgbouncer",))["pgbouncer"]
    address = urlsplit(database_url)
    name = address.path[1:]
    text = (DEPLOY / "pgbouncer.ini").read_text()
    for there, here in {
        "fixative = host=postgres port=5432 dbname=fixative": (
            f"{name} = host={address.hostname} port={address.port} dbname={name}"
        ),
        "listen_addr = 0.0.0.0": "listen_addr = 127.0.0.1",
        "listen_port = 6432": f"listen_port = {port}\nadmin_users = {address.username}",
        "default_pool_size = 20": f"default_pool_size = {SERVERS}",
        "max_prepared_statements = 500": "max_prepared_statements = 500" if prepared else "",
    }.items():
        assert there in text
        text = text.replace(there, here)
    (directory / "pgbouncer.ini").write_text(text)
    (directory / "userlist.txt").write_text(f'"{address.username}" "{address.password}"\n')
    account = account_for_postgres()  # it refuses to run as root, too
    if account:
        give(directory, account)
    with (directory / "log").open("w") as log:
        process = subprocess.Popen(
            [PROGRAM, "pgbouncer.ini"],
            cwd=directory,
            stdout=log,
            stderr=log,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
        )
    url = address._replace(
        netloc=f"{address.username}:{address.password}@127.0.0.1:{port}"
    ).geturl()

    def answers() -> bool:
        assert process.poll() is None, (directory / "log").read_text()
        try:
            psycopg.connect(url, connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    try:
        waited_for(answers, pause=0.1)
        yield Pooled(url, prepared)
    finally:
        process.kill()  # a newer one that is asked to end waits for all its clients
        process.wait()
