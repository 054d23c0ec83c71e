"""Processes and their children, as Linux tells of them."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from signal import SIGCONT, SIGSTOP


def parent_of(pid: int) -> int | None:
    """Its parent; None when there is no such process."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return None


def alive(pid: int) -> bool:
    """Whether the process runs, or would if it were let."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def family(pid: int) -> list[int]:
    """The process and its children, though each may lead a session of its own."""
    running = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    return [pid, *(child for child in running if parent_of(child) == pid)]


def signal_family(pid: int, number: int) -> None:
    """Signal them all, the parent first: it starts no more then."""
    for member in family(pid):
        with suppress(ProcessLookupError):
            os.kill(member, number)


@contextmanager
def standing_still(pid: int) -> Iterator[None]:
    """For the block the whole family is stopped; its kernel goes on acknowledging."""
    os.kill(pid, SIGSTOP)  # so that the family is whole when it is looked at
    signal_family(pid, SIGSTOP)
    try:
        yield
    finally:
        signal_family(pid, SIGCONT)
