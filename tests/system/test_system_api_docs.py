"""docs/api.md is run as it is written: all blocks of a language are one program, top to bottom."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from fixative.local.ports import give_up, kept_ports
from tests.system.conftest import System

PAGE = Path(__file__).parents[2] / "docs/api.md"
TRACED = "PS4='+$LINENO '; set -x; source ./$0"  # the name that follows is $0
PROGRAMS = {
    "bash": ("api.sh", ["bash", "-c", TRACED], ["bash", "curl", "jq", "openssl"]),
    "python": ("api.py", [sys.executable], []),
    "js": ("api.mjs", ["node"], ["node"]),
}
REGISTRY = {
    "models": {
        "black-forest-labs/flux-schnell": {
            "kind": "image",
            "price": {"per_image": "0.003"},
            "max_cost": "0.02",
        }
    }
}


def blocks(language: str) -> Iterator[tuple[int, str]]:
    """Each line of the page's blocks of a language, with its number."""
    inside = False
    for number, line in enumerate(PAGE.read_text().splitlines(), 1):
        if line.startswith("```"):
            inside = line == f"```{language}"
        elif inside:
            yield number, line


def program(language: str) -> str:
    """The page with all other lines emptied: what fails is told by its line in the page."""
    lines = dict(blocks(language))
    return "".join(f"{lines.get(number, '')}\n" for number in range(1, max(lines) + 1))


class Taker(BaseHTTPRequestHandler):
    """Takes whatever it is told."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def hook(tmp_path_factory):
    """Where a subscriber may listen."""
    port = kept_ports(tmp_path_factory.mktemp("hook"), ["hook"])["hook"]
    yield f"http://127.0.0.1:{port}"
    give_up([port])


@pytest.fixture(scope="module")
def priced(tmp_path_factory, hook):
    """A system that knows a price, and may call the subscriber."""
    environ = {"MODELS_CONFIG": json.dumps(REGISTRY), "FIXATIVE_ALLOWED_WEBHOOK_HOSTS": hook}
    running = System(tmp_path_factory.mktemp("system") / "data", "--no-flower", **environ)
    running.configure(latency={"*": {"start": 0.05, "run": 0.1}}, creates_per_minute=60000)
    yield running
    running.stop()


@pytest.fixture
def subscriber(hook):
    """Who listens for a language that cannot."""
    with HTTPServer(("127.0.0.1", int(hook.rpartition(":")[2])), Taker) as server:
        thread = Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield
        server.shutdown()
        thread.join()


@pytest.fixture
def run(priced, hook, tmp_path):
    """Run the program of a language in a directory of its own."""

    def execute(language: str) -> None:
        name, command, needed = PROGRAMS[language]
        missing = [each for each in needed if shutil.which(each) is None]
        if missing:
            pytest.skip(f"not installed here: {', '.join(missing)}")
        (tmp_path / name).write_text(program(language))
        environ = {
            "PATH": os.environ["PATH"],
            "FIXATIVE_API_URL": priced.run["api_url"],
            "FIXATIVE_ADMIN_KEY": priced.run["admin_key"],
            "HOOK_URL": hook,
        }
        ended = subprocess.run(
            [*command, name],
            cwd=tmp_path,
            env=environ,
            capture_output=True,
            text=True,
            timeout=170,
            check=False,
        )
        assert ended.returncode == 0, ended.stdout[-2000:] + ended.stderr[-4000:]

    return execute


@pytest.mark.usefixtures("subscriber")
def test_the_blocks_for_the_shell_do_what_the_page_says(run):
    run("bash")


def test_the_blocks_in_python_do_what_the_page_says(run):
    run("python")


def test_the_blocks_in_javascript_do_what_the_page_says(run):
    run("js")


def test_each_task_is_shown_in_each_language_and_no_block_is_left_out():
    tasks = re.split(r"^## ", PAGE.read_text(), flags=re.MULTILINE)[1:]
    shown = {task.splitlines()[0]: re.findall(r"^```(\w*)$", task, re.MULTILINE) for task in tasks}
    told = [languages for name, languages in shown.items() if not name.startswith("Limits")]
    assert told == [["bash", "", "python", "", "js", ""]] * len(told)
