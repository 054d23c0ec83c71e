"""The data directory: everything `fixative up` keeps, in one place that only its owner can enter.

    secrets.json  ports.json  run.json   what was generated, chosen, and is running
    postgres/  valkey/  seaweedfs/       the servers' own data (root's postgres/ is nobody's)
    records/                             OUTPUT_DIR, where that is unset
    emulator/  ready/  heard/            the local Replicate's files; who is ready, who hears
    logs/ROLE.log                        what each process wrote
    supervisor.lock  processes.lock      see below

Two locks, because a killed supervisor may leave processes that are still ending. The supervisor
alone holds the first: a second one is refused at once. Every process it starts inherits the second:
whoever comes next waits until the last of them has let go of the data.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from fixative.local.errors import DataDirInUse, LocalError

LEFTOVERS_SECONDS = 20


@dataclass(frozen=True)
class DataDir:
    """An open data directory; `lock` is the descriptor that every process in it inherits."""

    path: Path
    lock: int

    def log_of(self, role: str) -> Path:
        """Where this role's output goes."""
        return self.path / "logs" / f"{role}.log"

    def subdirectory(self, name: str) -> Path:
        """A directory of ours, made when it is not there yet."""
        path = self.path / name
        path.mkdir(mode=0o700, exist_ok=True)
        return path


@contextmanager
def open_data_dir(path: Path) -> Iterator[DataDir]:
    """The directory at `path`, made if need be (mode 0700) and locked until the block ends.

    Raises DataDirInUse when another supervisor has it.
    """
    path = path.absolute()
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        supervisor = os.open(path / "supervisor.lock", os.O_RDWR | os.O_CREAT, 0o600)
        processes = os.open(path / "processes.lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise LocalError(f"{path}: {error.strerror}") from None
    try:
        if not _lock(supervisor, within=0):
            raise DataDirInUse(f"{path}: another `fixative up` is running here")
        if not _lock(processes, within=LEFTOVERS_SECONDS):
            raise DataDirInUse(f"{path}: processes of an earlier run are still alive")
        directory = DataDir(path, processes)
        directory.subdirectory("logs")
        yield directory
    finally:
        os.close(processes)
        os.close(supervisor)


def write_private(path: Path, text: str) -> None:
    """Put `text` at `path`, whole or not at all, readable by its owner only."""
    new = path.with_suffix(".new")
    with suppress(FileNotFoundError):
        new.unlink()
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(descriptor)
    new.rename(path)


def _lock(descriptor: int, *, within: float) -> bool:
    give_up = time.monotonic() + within
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= give_up:
                return False
            time.sleep(0.1)
        else:
            return True
