"""What processes have used, with all their children, read from /proc (Linux only)."""

import os
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
PARENT, USER, CHILDREN_SYSTEM = 1, 11, 14  # in /proc/PID/stat, counted from the state
PROPORTIONAL = re.compile(r"^Pss:\s+(\d+) kB$", re.MULTILINE)
PEAK = re.compile(r"^VmHWM:\s+(\d+) kB$", re.MULTILINE)

QUIET_SECONDS, QUIET_SHARE = 0.5, 0.15  # of one core

Usage = dict[str, float]


def cpu_seconds(roles: Mapping[str, int]) -> Usage:
    """User and system time of each role's process tree so far, ended children included."""
    stats = dict(_stats())
    return {
        role: sum(sum(map(int, stats[pid][USER : CHILDREN_SYSTEM + 1])) for pid in pids) / TICKS
        for role, pids in _trees(roles, stats).items()
    }


def until_quiet(roles: Mapping[str, int], *, patience: float = 120) -> None:
    """Come back when the trees together hardly work any more: what followed is done.

    Raises RuntimeError when they still work after `patience` seconds.
    """
    give_up = time.monotonic() + patience
    before = sum(cpu_seconds(roles).values())
    while time.monotonic() < give_up:
        time.sleep(QUIET_SECONDS)
        used = sum(cpu_seconds(roles).values())
        if used - before < QUIET_SHARE * QUIET_SECONDS:
            return
        before = used
    raise RuntimeError(f"{', '.join(roles)} are still at work")


def peak_megabytes(roles: Mapping[str, int]) -> Usage:
    """The sum of each tree's largest resident sizes; pages that processes share count for each."""
    return _megabytes(roles, "status", PEAK)


def shared_megabytes(roles: Mapping[str, int]) -> Usage:
    """What each tree holds at this moment; a page that n processes share counts 1/n for each."""
    return _megabytes(roles, "smaps_rollup", PROPORTIONAL)


def tree_of(pid: int) -> list[int]:
    """The process and all its children, and theirs."""
    return _trees({"": pid}, dict(_stats()))[""]


def _megabytes(roles: Mapping[str, int], file: str, field: re.Pattern[str]) -> Usage:
    return {
        role: sum(_kilobytes(pid, file, field) for pid in pids) / 1000
        for role, pids in _trees(roles, dict(_stats())).items()
    }


def _trees(roles: Mapping[str, int], stats: Mapping[int, list[str]]) -> dict[str, list[int]]:
    children: dict[int, list[int]] = {}
    for pid, stat in stats.items():
        children.setdefault(int(stat[PARENT]), []).append(pid)
    return {role: list(_tree(pid, children)) for role, pid in roles.items()}


def _tree(pid: int, children: Mapping[int, Iterable[int]]) -> Iterator[int]:
    yield pid
    for child in children.get(pid, ()):
        yield from _tree(child, children)


def _stats() -> Iterator[tuple[int, list[str]]]:
    """Every process's fields after its name, which may itself hold spaces and brackets."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(FileNotFoundError, ProcessLookupError):
            yield int(path.parent.name), path.read_text().rpartition(")")[2].split()


def _kilobytes(pid: int, file: str, field: re.Pattern[str]) -> int:
    found = field.search(Path(f"/proc/{pid}/{file}").read_text())
    return int(found[1]) if found else 0
