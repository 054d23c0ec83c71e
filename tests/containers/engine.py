"""A Docker engine of the tests' own, in namespaces of its own.

Its ports are nobody else's, and whatever it started ends with it. It reaches no network.
"""

import os
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.processes import alive, family
from tests.waiting import waited_for

GATEWAY = "172.17.0.1"  # what a container that is being built sees of where the engine runs
PROGRAMS = ("dockerd", "docker", "docker-compose", "docker-registry", "debootstrap", "ip")
REGISTRY = "registry.example.com"
# It alone knows where the registry is, and the sockets of another engine in /run are not its own.
BEGIN = f"""
ip link set lo up
mount -t tmpfs tmpfs /run
mount --bind hosts /etc/hosts
exec dockerd --host "unix://$PWD/socket" --data-root "$PWD/data" --exec-root "$PWD/exec" \
    --pidfile "$PWD/pid" --bip {GATEWAY}/16 \
    --insecure-registry {REGISTRY} --registry-mirror http://{REGISTRY}
"""


def why_none() -> str | None:
    """Why no engine can be here; None when one can."""
    if os.getuid():
        return "namespaces of one's own are root's"
    missing = [name for name in PROGRAMS if not shutil.which(name)]
    return f"without {', '.join(missing)}" if missing else None


class Engine:
    """The engine whose first process this is, with its socket in this directory."""

    def __init__(self, directory: Path, pid: int) -> None:
        self.directory = directory
        self._pid = pid

    def command(self, *words: str | Path) -> list[str | Path]:
        """These words as a command that runs where the engine's ports are."""
        return ["nsenter", "--target", str(self._pid), "--net", *words]

    def environ(self, **more: str) -> dict[str, str]:
        """What a command has to know."""
        known = {"PATH": os.environ["PATH"], "HOME": str(self.directory), "TERM": "dumb"}
        return {**known, "DOCKER_HOST": f"unix://{self.directory / 'socket'}", **more}

    def run(self, script: str, directory: Path | None = None, **environ: str) -> str:
        """What these commands print, on a terminal. Fails at the first that does."""
        bash = shlex.join(["bash", "-eu", "-o", "pipefail", "-c", script])
        done = subprocess.run(
            self.command("script", "--quiet", "--return", "--command", bash, "/dev/null"),
            cwd=directory or self.directory,
            env=self.environ(**environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{script}\n{done.stdout[-4000:]}{done.stderr}"
        return done.stdout.replace("\r\n", "\n")  # as a terminal ends lines

    def answers(self) -> bool:
        """Whether it does."""
        asked = subprocess.run(
            self.command("docker", "info"), env=self.environ(), capture_output=True, check=False
        )
        return asked.returncode == 0


@contextmanager
def engine_of_ones_own() -> Iterator[Engine]:
    """An engine that answers for as long as this block lasts, and has no image."""
    with TemporaryDirectory(prefix="engine") as name:
        directory = Path(name)
        (directory / "hosts").write_text(f"127.0.0.1 localhost {REGISTRY}\n")
        with (directory / "log").open("w") as log:
            unshared = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child"]
            process = subprocess.Popen(
                [*unshared, "--mount-proc", "sh", "-ec", BEGIN],
                cwd=directory,
                stdout=log,
                stderr=log,
            )
        first = waited_for(lambda: family(process.pid)[1:], pause=0.1)[0]
        engine = Engine(directory, first)
        try:
            waited_for(lambda: engine.answers() or not alive(first), pause=0.2)
            assert alive(first), (directory / "log").read_text()
            yield engine
        finally:
            process.kill()
            process.wait()
            waited_for(lambda: not alive(first), pause=0.1)  # then all is gone that it started
