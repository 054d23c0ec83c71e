"""Ports on 127.0.0.1: chosen free once, remembered in DATA_DIR/ports.json."""

import fcntl
import json
import os
import random
import socket
import tempfile
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from fixative.local.data_dir import write_private
from fixative.local.errors import LocalError

# SeaweedFS speaks gRPC at each of its ports + 10,000. Both halves stay below 32,768, where Linux
# begins to take ports for outgoing connections: a remembered port is not lost to one of those.
RANGE = range(15_000, 22_000)
GRPC_OFFSET = 10_000


def kept_ports(data_dir: Path, names: Iterable[str]) -> dict[str, int]:
    """A free port for each name: the one it had last time, unless somebody else listens there."""
    path = data_dir / "ports.json"
    known: dict[str, int] = json.loads(path.read_text()) if path.exists() else {}
    chosen = dict(known)
    for name in names:
        if name not in chosen or not _is_ours(chosen[name]):
            chosen[name] = _choose(taken=set(chosen.values()))
    if chosen != known:
        write_private(path, json.dumps(chosen, indent=2) + "\n")
    return chosen


def give_up(ports: Iterable[int]) -> None:
    """Other systems may choose these ports again; a process that ends gives up its own."""
    for port in ports:
        fcntl.lockf(_claims(), fcntl.LOCK_UN, 1, port)


def is_free(port: int) -> bool:
    """Whether a server could listen at this port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def _choose(taken: set[int]) -> int:
    for port in random.sample(RANGE, len(RANGE)):
        if port not in taken and _is_ours(port):
            return port
    raise LocalError(f"no port is free between {RANGE.start} and {RANGE.stop}")


def _is_ours(port: int) -> bool:
    """Whether this process may have the port, until it ends or gives it up.

    From the choice until a server listens there is time enough for another system, just starting,
    to choose the same; so a choice is a lock on the byte of that number in a file of all.
    """
    if not (is_free(port) and is_free(port + GRPC_OFFSET)):
        return False
    try:
        fcntl.lockf(_claims(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
    except OSError:
        return False
    return True


@cache
def _claims() -> int:
    path = Path(tempfile.gettempdir()) / f"fixative-ports-{os.getuid()}"
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
