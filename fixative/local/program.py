"""One program: what to run, how to know that it answers, how to end it."""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from fixative.local.accounts import Account

AUTOGROUP = Path("/proc/self/autogroup")
PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


@dataclass(frozen=True)
class Program:
    """A command that runs until it is told to end."""

    role: str
    argv: Sequence[str]
    answers: Callable[[], bool]  # a real operation; called until it is true
    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    directory: Path | None = None
    account: Account | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    grace: float = 4.0  # seconds from stop_signal to SIGKILL
    nice: int = 0  # above 0 it lets the others go first when they are all busy


@dataclass(frozen=True)
class Running:
    """A program's process, and when it began, in seconds since 1970."""

    pid: int
    started_at: float


def spawn(program: Program, output: BinaryIO, lock: int) -> "subprocess.Popen[bytes]":
    """Start the program as the leader of its own process group.

    The kernel sends it its stop signal when the calling thread ends (Linux), so call this from
    the main thread.
    """
    account = program.account
    return subprocess.Popen(
        program.argv,
        env=program.environ,
        cwd=program.directory,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        pass_fds=(lock,),
        start_new_session=True,
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
        preexec_fn=_arranged(program, os.getpid()),  # noqa: PLW1509 (no other thread of ours holds a lock that `arrange` takes)
    )


def kill_group(pid: int, signal_number: int = signal.SIGKILL) -> bool:
    """Signal a leader's whole group; False when nobody is left in it."""
    try:
        os.killpg(pid, signal_number)
    except ProcessLookupError:
        return False
    except PermissionError:  # macOS says this of a group of zombies
        return False
    return True


def _arranged(program: Program, parent: int) -> Callable[[], None]:
    """What the new process does before it becomes the program."""
    libc = _libc

    def arrange() -> None:
        _be_nice(program.nice)
        if libc:
            libc.prctl(PR_SET_PDEATHSIG, program.stop_signal)
            if os.getppid() != parent:  # it died before we asked
                os._exit(1)

    return arrange


def _be_nice(by: int) -> None:
    """Let others go first, processes and sessions.

    Linux may share the processors among sessions first: niceness counts within one, of which each
    program has its own (sched(7), autogroup).
    """
    os.nice(by)
    with suppress(OSError):
        AUTOGROUP.write_text(str(by))
