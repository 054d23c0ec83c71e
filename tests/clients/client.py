"""A published client in a process of its own, as a user has it; it does what it is told."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
INSTALLED = Path(sys.prefix) / "clients"
NODE = shutil.which("node")
MODULES = INSTALLED / "javascript" / "node_modules"
# How each is started, and what it is told by variables.
COMMANDS = {
    "python1": [sys.executable, HERE / "drive_python1.py"],
    "python2": [sys.executable, HERE / "drive_python2.py"],
    "javascript": [NODE, HERE / "drive_javascript.js"],
}
PLACES = {
    "python1": {},
    "python2": {"PYTHONPATH": str(INSTALLED / "python2")},
    "javascript": {"NODE_PATH": str(MODULES)},
}
UNDER = {"python1": "", "python2": "/v1", "javascript": "/v1"}
CA = {
    "python1": "SSL_CERT_FILE",
    "python2": "SSL_CERT_FILE",
    "javascript": "NODE_EXTRA_CA_CERTS",
}


class Client:
    """One of the clients, by its name, pointed at `url`."""

    def __init__(self, name: str, url: str, token: str, certificate: Path) -> None:
        if name == "javascript" and not (NODE and MODULES.exists()):
            pytest.skip("the JavaScript client needs Node and npm, which were not here")
        self.name = name
        self._process = subprocess.Popen(
            COMMANDS[name],
            env={
                "REPLICATE_BASE_URL": url + UNDER[name],
                "REPLICATE_API_TOKEN": token,
                CA[name]: str(certificate),
                **PLACES[name],
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __call__(self, do: str, **order: Any) -> Any:
        """What it gave."""
        answer = self.attempt(do, **order)
        assert "gave" in answer, answer
        return answer["gave"]

    def attempt(self, do: str, **order: Any) -> dict[str, Any]:
        """What it gave, or what it raised."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"do": do, **order}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, f"{self.name} has ended"
        return json.loads(line)

    def stop(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.communicate(timeout=60)
