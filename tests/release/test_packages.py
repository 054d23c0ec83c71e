"""What is published works where there is no checkout: the wheel, and one made from the sdist."""

import json
import os
import re
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

from tests.doc_blocks import blocks_of

pytestmark = pytest.mark.wide

ROOT = Path(__file__).parents[2]
PACKAGES = ("api", "fixative", "replicate_emulator", "worker")
MODULES = ("beat_schedule", "celeryconfig")
OURS = ("REPLICATE_", "FIXATIVE_", "DATABASE_", "REDIS_", "S3_", "AWS_", "PYTHON")
BUILD_SDIST = "import sys; from setuptools.build_meta import build_sdist; build_sdist(sys.argv[1])"
WHERE = """
import json, sys
from importlib.util import find_spec
print(json.dumps({name: find_spec(name).origin for name in sys.argv[1:]}))
"""


@pytest.fixture(scope="module")
def files() -> list[str]:
    """Every file of the project, new ones too."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return [line for line in listed.stdout.splitlines() if (ROOT / line).is_file()]


@pytest.fixture(scope="module")
def source(files, tmp_path_factory):
    """A copy of the files that git knows: what an earlier build left is not among them."""
    source = tmp_path_factory.mktemp("source")
    for file in files:
        (source / file).parent.mkdir(parents=True, exist_ok=True)
        (source / file).write_bytes((ROOT / file).read_bytes())
    return source


@pytest.fixture(scope="module")
def wheel(source, tmp_path_factory):
    return _build_wheel(source, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def sdist(source, tmp_path_factory):
    directory = tmp_path_factory.mktemp("sdist")
    subprocess.run([sys.executable, "-c", BUILD_SDIST, directory], cwd=source, check=True)
    return next(directory.glob("*.tar.gz"))


@pytest.fixture(scope="module")
def wheel_of_sdist(sdist, tmp_path_factory):
    return _build_wheel(sdist, tmp_path_factory.mktemp("wheel_of_sdist"))


def test_the_wheel_and_the_sdist_hold_every_file_of_the_packages(files, wheel, sdist):
    ours = {f for f in files if f.startswith(tuple(f"{name}/" for name in PACKAGES))}
    ours |= {f"{name}.py" for name in MODULES}
    with zipfile.ZipFile(wheel) as archive:
        assert ours <= set(archive.namelist())
    with tarfile.open(sdist) as archive:
        assert ours <= {name.partition("/")[2] for name in archive.getnames()}


@pytest.fixture(params=["wheel by the guide", "wheel of the sdist"])
def python(request, tmp_path):
    """The Python of an environment in which one of them was installed."""
    if request.param == "wheel by the guide":
        return _installed_by_the_guide(request.getfixturevalue("wheel"), tmp_path)
    return _installed(request.getfixturevalue("wheel_of_sdist"), tmp_path / "venv")


@pytest.mark.timeout(400)  # pip fetches all that is depended on
def test_a_job_is_done_by_what_was_installed_from_it(python, tmp_path):
    environ = {k: v for k, v in os.environ.items() if not k.startswith(OURS)}

    def run(*arguments: str | Path) -> str:
        done = subprocess.run(
            arguments, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    imported = json.loads(run(python, "-c", WHERE, *PACKAGES, *MODULES))
    assert all(Path(file).is_relative_to(tmp_path) for file in imported.values()), imported
    fixative = python.with_name("fixative")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert run(fixative, "--version").split()[-1] == project["version"]

    system = subprocess.Popen(
        [fixative, "up", "--port", "0"],
        cwd=tmp_path,
        env=environ,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert system.stdout
        assert system.stdout.readline().startswith("ready ")
        model = "black-forest-labs/flux-schnell"
        shown = run(fixative, "submit", model, "prompt=a cat", "--wait", "--download", "pictures")
    finally:
        system.terminate()
        system.communicate(timeout=120)

    assert "succeeded" in shown
    assert any(path.stat().st_size for path in (tmp_path / "pictures").rglob("original*"))
    assert system.returncode == 0


def _build_wheel(source: Path, directory: Path) -> Path:
    options = ["--quiet", "--no-deps", "--no-index", "--no-build-isolation", "--wheel-dir"]
    subprocess.run([sys.executable, "-m", "pip", "wheel", *options, directory, source], check=True)
    return next(directory.glob("*.whl"))


def _installed_by_the_guide(wheel: Path, directory: Path) -> Path:
    """The same by the commands for whoever has no checkout, were the wheel published.

    What it depends on is fetched, in the versions that we know.
    """
    (commands,) = [
        block.text for block in blocks_of(ROOT / "docs/start.md") if "pip install" in block.text
    ]
    known = re.findall(r"^\S+==[^\\\n]+", (ROOT / "requirements-dev.txt").read_text(), re.MULTILINE)
    constraints = directory / "constraints.txt"
    constraints.write_text("\n".join(known))
    more = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PIP_CONSTRAINT": str(constraints),
        "PIP_FIND_LINKS": f"{os.environ.get('PIP_FIND_LINKS', '')} {wheel.parent}".strip(),
    }
    subprocess.run(
        ["bash", "-eu", "-c", commands], cwd=directory, env=os.environ | more, check=True
    )
    return directory / ".venv" / "bin" / "python"


def _installed(wheel: Path, directory: Path) -> Path:
    """The Python of an empty environment with this wheel in it, which sees what we depend on."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", directory], check=True)
    python = directory / "bin" / "python"
    install = ["--python", python, "install", "--quiet", "--no-deps", "--no-index", wheel]
    subprocess.run([sys.executable, "-m", "pip", *install], check=True)
    ours = Path(sysconfig.get_path("purelib", vars={"base": str(directory)}))
    # A path in a .pth file is searched, but the .pth files there, so the checkout's, are not read.
    (ours / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    return python
