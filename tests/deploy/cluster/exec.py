"""A command for a pod: run on this machine, in the environment that its container is given."""

import asyncio
import json
import os
import subprocess
from base64 import b64decode
from pathlib import Path

from aiohttp import web

from tests.deploy.cluster.objects import Objects
from tests.deploy.cluster.refused import Refused
from tests.deploy.manifests import Manifest

PROTOCOL = "v5.channel.k8s.io"
STDOUT, STDERR, STATUS = b"\1", b"\2", b"\3"  # a message begins with what it is of


async def execute(
    request: web.Request, command: list[str], environ: dict[str, str]
) -> web.StreamResponse:
    """Tell kubectl, over a WebSocket, what the command says and how it ends."""
    socket = web.WebSocketResponse(protocols=[PROTOCOL])
    await socket.prepare(request)
    done = await asyncio.to_thread(
        subprocess.run, command, env=environ, capture_output=True, check=False
    )
    await socket.send_bytes(STDOUT + done.stdout)
    await socket.send_bytes(STDERR + done.stderr)
    await socket.send_bytes(STATUS + json.dumps(_ended(done.returncode)).encode())
    await socket.close()
    return socket


def environment(objects: Objects, pod: Manifest, name: str, programs: Path) -> dict[str, str]:
    """The variables of this container, each from where its manifest has it."""
    container = next((c for c in pod["spec"]["containers"] if c["name"] == name), None)
    if container is None:
        raise Refused(400, "BadRequest", f"container {name} is not valid for pod")

    def data(kind: str, source: Manifest) -> dict[str, str]:
        found = objects.get(kind, pod["metadata"]["namespace"], source["name"])["data"]
        assert isinstance(found, dict)
        return found

    environ = {"PATH": f"{programs}{os.pathsep}{os.defpath}"}
    for source in container.get("envFrom", ()):
        environ |= data("ConfigMap", source["configMapRef"])
    for variable in container.get("env", ()):
        if "value" in variable:
            environ[variable["name"]] = variable["value"]
            continue
        key = variable["valueFrom"]["secretKeyRef"]
        secret = data("Secret", key)
        if key["key"] in secret or not key.get("optional"):
            environ[variable["name"]] = b64decode(secret[key["key"]]).decode()
    return environ


def _ended(code: int) -> Manifest:
    if code == 0:
        return {"metadata": {}, "status": "Success"}
    details = {"causes": [{"reason": "ExitCode", "message": str(code)}]}
    return {"status": "Failure", "reason": "NonZeroExitCode", "details": details}
