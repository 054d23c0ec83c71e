import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from fixative.local.data_dir import open_data_dir
from fixative.local.roles import answers_http

pytestmark = pytest.mark.wide

ROOT = Path(__file__).parents[2]
FAKE_SYSTEM = Path(__file__).with_name("fake_system.py")
FIXATIVE = [sys.executable, "-c", "from fixative.cli.main import main; main()"]
ROLES = ["supervisor", "postgres", "valkey", "seaweedfs", "emulator", "api", "worker-io"]
FIELDS = (
    "api_url dashboard_url flower_url replicate_url admin_key database_url redis_url s3"
    " output_dir processes"
)
Until = Callable[[Callable[[], object]], None]
Alive = Callable[[int], bool]


def environ() -> dict[str, str]:
    """Ours, without whatever would make a service somebody else's."""
    ours = ("DATABASE_URL", "REDIS_URL", "S3_", "REPLICATE_", "FIXATIVE_", "AWS_")
    return {key: value for key, value in os.environ.items() if not key.startswith(ours)}


class Running:
    """A supervisor that has said `ready`."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.process = subprocess.Popen(
            [sys.executable, str(FAKE_SYSTEM), str(data), "0"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=environ(),
        )
        assert self.process.stdout
        self.line = self.process.stdout.readline().strip()

    @property
    def run(self) -> dict:
        return json.loads((self.data / "run.json").read_text())

    @property
    def pids(self) -> dict[str, int]:
        return {process["role"]: process["pid"] for process in self.run["processes"]}

    @property
    def all_pids(self) -> list[int]:
        return [*self.pids.values(), int((self.data / "grandchild").read_text())]


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    system = Running(tmp_path / "data")
    with system.process:
        yield system
        system.process.terminate()


def test_a_life(running: Running, until: Until, alive: Alive) -> None:
    run = running.run
    assert running.line == f"ready {run['api_url']}"
    assert list(run) == FIELDS.split()
    assert list(running.pids) == ROLES
    assert stat.S_IMODE((running.data / "run.json").stat().st_mode) == 0o600
    assert answers_http(int(running.line.rpartition(":")[2]), "/")

    # Whoever dies is back, at the same address and with the same data.
    for role in ("worker-io", "postgres", "valkey", "seaweedfs", "emulator", "api"):
        before = running.pids[role]
        os.kill(before, signal.SIGKILL)
        until(lambda role=role, before=before: running.pids.get(role) not in {None, before})
    until(lambda: answers(run["database_url"]))
    assert {**running.run, "processes": []} == {**run, "processes": []}

    second = subprocess.run(
        [*FIXATIVE, "up", "--data-dir", str(running.data), "--port", "0"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env=environ(),
    )
    assert second.returncode == 1
    assert second.stderr.count("\n") == 1
    assert "another `fixative up` is running" in second.stderr

    pids = running.all_pids
    running.process.terminate()
    assert running.process.wait(15) == 0
    assert not any(alive(pid) for pid in pids)


def test_kill_9_takes_all_along(running: Running, until: Until, alive: Alive) -> None:
    pids = running.all_pids
    running.process.kill()
    until(lambda: not any(alive(pid) for pid in pids))
    with open_data_dir(running.data):  # every process, the watchdog included, has let go of it
        pass


def test_asked_to_stop_while_it_starts(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, str(FAKE_SYSTEM), str(tmp_path / "data"), "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=environ(),
    ) as process:
        assert process.stderr
        process.stderr.readline()  # "starting postgres …"
        process.terminate()
        assert process.wait(60) == 0  # it may be making a cluster
    assert not (tmp_path / "data" / "run.json").exists()
    with open_data_dir(tmp_path / "data"):
        pass


def answers(database_url: str) -> bool:
    try:
        with psycopg.connect(database_url, connect_timeout=1):
            return True
    except psycopg.OperationalError:
        return False
