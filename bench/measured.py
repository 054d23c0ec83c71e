"""What one turn in this process took: seconds, CPU and memory."""

import resource
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Taken:
    """Seconds by the clock, seconds of CPU, and by how many bytes memory rose at most."""

    seconds: float
    cpu: float
    memory: int


def measured(work: Callable[[], Any]) -> Taken:
    """Do the work, and tell what it took."""
    before, over, peak = _resident(), threading.Event(), [0]

    def watch() -> None:
        while not over.wait(0.05):
            peak[0] = max(peak[0], _resident())

    watcher = threading.Thread(target=watch)
    watcher.start()
    cpu, began = _cpu(), time.monotonic()
    try:
        work()
    finally:
        seconds, used = time.monotonic() - began, _cpu() - cpu
        over.set()
        watcher.join()
    return Taken(seconds, used, max(0, peak[0] - before))


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
