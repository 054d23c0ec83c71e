"""Every role works where it can write to what compose gives it only, and has no capability."""

import os
import re
import shlex
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
import yaml

from fixative.local.ports import kept_ports
from fixative.names import QUEUES_OF_ROLE
from tests.waiting import waited_for

pytestmark = [
    pytest.mark.wide,
    pytest.mark.timeout(600),
    pytest.mark.skipif(os.getuid() != 0, reason="mounts of one's own are root's"),
]

ROOT = Path(__file__).parents[2]
SERVICES = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
ROLES = ("api", *QUEUES_OF_ROLE, "beat", "flower")
OF_THE_ROLE = {"ROLE", "FIXATIVE_HEARD_FILE", "FIXATIVE_READY_FILE"}
# What a container sees: one disk that cannot be written to, and memory at /tmp.
CONFINE = """
mount --make-rprivate /
mount -t tmpfs -o mode=1777 tmpfs /tmp
mkdir /tmp/metrics /tmp/scratch
mount -o remount,bind,ro /
if touch /var/tmp/written 2>/dev/null; then echo "it can be written to" >&2; exit 1; fi
cd /
exec setpriv --bounding-set=-all --inh-caps=-all --no-new-privs "$@"
"""


class Container:
    """A role as docker-compose.yml has it, in mounts of its own."""

    def __init__(self, role, environ, ports, log):
        self.role, self.log = role, log
        told = SERVICES[role]["environment"]
        self.environ = {
            **environ,
            **{name: told[name] for name in OF_THE_ROLE & told.keys()},
            **({"TMPDIR": "/tmp/scratch"} if "TMPDIR" in told else {}),
        }
        self.ports = ports
        command = [sys.executable, "-m", *self._placed(SERVICES[role]["command"])]
        with log.open("w") as output:
            self.process = subprocess.Popen(
                ["unshare", "--mount", "sh", "-ec", CONFINE, "confined", *command],
                env=self.environ,
                stdout=output,
                stderr=output,
            )

    def is_healthy(self):
        """What its health check says, asked in its own mounts."""
        assert self.process.poll() is None, self.log.read_text()
        _, *test = self._placed(SERVICES[self.role]["healthcheck"]["test"])
        if test[0] == "python":
            test[0] = sys.executable
        inside = ["nsenter", "--mount", "--target", str(self.process.pid), "--wdns=/", *test]
        done = subprocess.run(inside, env=self.environ, capture_output=True, check=False)
        return done.returncode == 0

    def end(self):
        self.process.terminate()
        self.process.wait(30)

    def _placed(self, words):
        text = shlex.join(words)
        for port, free in self.ports.items():
            text = re.sub(rf"\b{port}\b", str(free), text)
        return shlex.split(text.replace("0.0.0.0", "127.0.0.1"))


@pytest.fixture
def containers(environ, tmp_path):
    """Every role of ours, started, by its name."""
    given = {
        **{name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ},
        **environ,
        "OUTPUT_DIR": "/tmp/records",
        "PROMETHEUS_MULTIPROC_DIR": "/tmp/metrics",
        "FLOWER_BASIC_AUTH": "admin:of-the-tests",
        "FIXATIVE_POLL_SECONDS": "1",
    }
    ports = kept_ports(tmp_path, ("8000", "5555"))
    with ExitStack() as stack:
        started = {}
        for role in ROLES:
            started[role] = Container(role, given, ports, tmp_path / role)
            stack.callback(started[role].end)
        yield started


def test_a_job_is_done_and_every_role_is_healthy(containers, environ):
    for container in containers.values():
        waited_for(container.is_healthy, patience=150, pause=0.5)

    key = {"Authorization": f"Bearer {environ['FIXATIVE_ADMIN_KEY']}"}
    origin = f"http://127.0.0.1:{containers['api'].ports['8000']}"
    with httpx.Client(base_url=origin, headers=key, timeout=30) as api:
        asked = {"model": "black-forest-labs/flux-schnell", "input": {"prompt": "a cat"}}
        job = api.post("/jobs", json=asked).json()

        def derived():
            media = api.get(f"/jobs/{job['id']}").json()["media"]
            return {"original", "thumbnail"} <= {item["role"] for item in media}

        waited_for(derived, pause=0.2)
