"""Ends the process groups of a supervisor that is gone, however it went.

The kernel tells only direct children that their parent died, and only on Linux. This process reads
`+PID SIGNAL` and `-PID` lines from its supervisor; when they end, every group that is still
noted is asked to end, then killed. It is run as a script, with nothing imported but the standard
library, so that it is there before anything else.
"""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress

GRACE_SECONDS = 4


class Watchdog:
    """The supervisor's end: knows the groups, and starts the watching process anew if it dies."""

    def __init__(self, lock: int) -> None:
        self._lock = lock
        self._groups: dict[int, int] = {}
        self._process = self._start()

    def watch(self, pid: int, stop_signal: int) -> None:
        """End the group of this leader when we are gone."""
        self._groups[pid] = stop_signal
        self._tell(f"+{pid} {int(stop_signal)}\n")

    def forget(self, pid: int) -> None:
        """The group is gone; its number may become somebody else's."""
        del self._groups[pid]
        self._tell(f"-{pid}\n")

    def close(self) -> None:
        """Let the process end; it ends whatever is still noted."""
        with suppress(BrokenPipeError):
            self._pipe.close()
        self._process.wait()

    def _start(self) -> "subprocess.Popen[bytes]":
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            pass_fds=(self._lock,),
            start_new_session=True,
        )
        assert process.stdin is not None  # noqa: S101
        self._pipe = process.stdin
        return process

    def _tell(self, line: str) -> None:
        try:
            self._pipe.write(line.encode())
            self._pipe.flush()
        except BrokenPipeError:
            with suppress(BrokenPipeError):
                self._pipe.close()
            self._process.wait()
            self._process = self._start()
            for pid, stop_signal in self._groups.items():
                self._pipe.write(f"+{pid} {stop_signal}\n".encode())
            self._pipe.flush()


def _watch() -> None:
    groups: dict[int, int] = {}
    for line in sys.stdin:
        if line.startswith("+"):
            pid, stop_signal = map(int, line.split())
            groups[pid] = stop_signal
        else:
            groups.pop(-int(line), None)
    _end(groups)


def _end(groups: dict[int, int]) -> None:
    for pid, stop_signal in groups.items():
        with suppress(OSError):
            os.kill(pid, stop_signal)
    give_up = time.monotonic() + GRACE_SECONDS
    while any(_alive(pid) for pid in groups) and time.monotonic() < give_up:
        time.sleep(0.05)
    for pid in groups:
        with suppress(OSError):
            os.killpg(pid, signal.SIGKILL)


def _alive(pid: int) -> bool:
    try:
        os.killpg(pid, 0)
    except OSError:
        return False
    return True


if __name__ == "__main__":
    _watch()
