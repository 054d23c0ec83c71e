"""Processes of one version: started by the commands of `fixative up`, ended as a deploy does."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import httpx

from fixative.local.children import Children
from fixative.local.data_dir import open_data_dir
from fixative.local.environment import METRICS
from fixative.local.ports import kept_ports
from fixative.local.program import Program
from fixative.local.roles import STOP_ORDER, System, programs_of

ROOT = Path(__file__).parents[2]
WORKERS = ("worker-io", "worker-store", "worker-derive")
GRACE_SECONDS = 30  # what docker-compose.yml gives workers


@dataclass(frozen=True)
class Instance:
    """Some roles of one version, running; `stop` ends them and waits until they are gone."""

    children: Children
    url: str  # of its API, if it has one
    counts: Path  # where its processes count

    def stop(self) -> None:
        """SIGTERM to each, who asks for work before who does it."""
        self.children.stop(*STOP_ORDER)

    def client(self, key: str) -> httpx.Client:
        """A client of its API."""
        headers = {"Authorization": f"Bearer {key}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=30)


@contextmanager
def instance(
    home: Path, environ: Mapping[str, str], *roles: str, code: Path = ROOT
) -> Iterator[Instance]:
    """These roles of the version whose code lies at `code`, until the block ends at the latest.

    Its workers are named after `home`, as if that were their machine. `{api}` in a variable is
    the URL of its API.
    """
    with open_data_dir(home) as data_dir:
        ports = kept_ports(home, ("api", "emulator", "flower"))
        url = f"http://127.0.0.1:{ports['api']}"
        whole = {
            **{name: value.replace("{api}", url) for name, value in environ.items()},
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(code),
            "PROMETHEUS_MULTIPROC_DIR": str(data_dir.subdirectory(METRICS)),
        }
        system = System(data_dir, whole, ports, "", local_replicate=False, flower=False)
        children = Children(data_dir)
        try:
            for program in programs_of(system):
                if program.role in roles:  # one after another, as a rollout does it
                    children.start([_of(program, home.name, code)])
                    children.until_ready()
            yield Instance(children, url, home / METRICS)
        finally:
            children.stop(*STOP_ORDER)


def _of(program: Program, machine: str, code: Path) -> Program:
    argv = [word.replace("@%h", f"@{machine}") for word in program.argv]
    return replace(program, argv=argv, directory=code, grace=GRACE_SECONDS)
