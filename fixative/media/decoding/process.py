"""The decoder: a process of its own, bounded in time and memory, started anew when it is lost."""

import json
import os
import selectors
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from fixative.errors import FixativeError, NoDecoder, NotDecodable

START_SECONDS = 30
MOST_ANSWER = 64 * 1024
PASSED_ON = ("PATH", "PYTHONPATH", "LANG", "LC_ALL", "TMPDIR", "HOME", "IMAGEIO_FFMPEG_EXE")


class _Died(FixativeError):
    """The decoder ended, or lost its mind, without an answer."""


@dataclass(frozen=True)
class Limits:
    """What one file may cost."""

    seconds: float = 60.0
    memory: int = 2 * 2**30  # bytes of address space, of the decoder and of its ffmpeg each
    files: int = 200  # then another process follows: what leaked is given back


class Decoder:
    """Decodes one file at a time; threads wait for each other.

    The process knows no secret of ours, and dies with the thread that first needed it.
    """

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self._child: _Child | None = None
        self._decoded = 0
        self._lock = threading.Lock()

    @property
    def pid(self) -> int | None:
        """Of the process there is; it leads a group to which its ffmpeg belongs."""
        return self._child.pid if self._child else None

    def decode(self, kind: str, source: Path, folder: Path) -> dict[str, Any]:
        """What is known of the image, video or audio in `source`; its pieces lie in `folder`.

        A piece is named after its role. A decoder that dies is given a second try, within the same
        time. Raises NotDecodable; and NoDecoder, which is no fault of the file.
        """
        request = {"kind": kind, "source": str(source), "folder": str(folder)}
        with self._lock:
            if self._decoded >= self.limits.files:
                self._end()
            self._ready()
            self._decoded += 1
            deadline = time.monotonic() + self.limits.seconds
            for _ in range(2):
                try:
                    answer = self._ready().ask(request, deadline)
                except TimeoutError as error:
                    self._end()
                    reason = f"decoding it takes more than {self.limits.seconds:g} s"
                    raise NotDecodable(reason) from error
                except _Died:
                    self._end()
                except BaseException:  # whoever interrupts us: the answer under way is nobody's
                    self._end()
                    raise
                else:
                    return _measures(answer)
        raise NotDecodable("its decoder dies of it")

    def close(self) -> None:
        """End the process."""
        with self._lock:
            self._end()

    def _ready(self) -> "_Child":
        if self._child is None:
            self._child = _Child(self.limits)
            self._decoded = 0
        return self._child

    def _end(self) -> None:
        if self._child is not None:
            self._child.end()
            self._child = None


class _Child:
    """The process, which has begun to listen."""

    def __init__(self, limits: Limits) -> None:
        try:
            self._process = _started(limits)
        except OSError as error:
            raise NoDecoder(f"the decoder does not start: {error}") from error
        self.pid = self._process.pid
        try:
            self._line(time.monotonic() + START_SECONDS)
        except (_Died, TimeoutError) as error:
            self.end()
            raise NoDecoder("the decoder does not begin to listen") from error

    def ask(self, request: dict[str, str], deadline: float) -> dict[str, Any]:
        """Its answer. Raises _Died and TimeoutError."""
        stdin = cast("IO[bytes]", self._process.stdin)
        try:
            stdin.write(json.dumps(request).encode() + b"\n")
        except BrokenPipeError as error:
            raise _Died from error
        try:
            answer: dict[str, Any] = json.loads(self._line(deadline))
        except ValueError as error:
            raise _Died from error
        return answer

    def end(self) -> None:
        """Kill it and its ffmpeg."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.communicate()

    def _line(self, deadline: float) -> bytes:
        stdout = cast("IO[bytes]", self._process.stdout)
        line = b""
        with selectors.DefaultSelector() as selector:
            selector.register(stdout, selectors.EVENT_READ)
            while not line.endswith(b"\n"):
                if not selector.select(max(deadline - time.monotonic(), 0)):
                    raise TimeoutError
                piece = stdout.read(MOST_ANSWER)
                line += piece
                if not piece or len(line) > MOST_ANSWER:
                    raise _Died
        return line


def _started(limits: Limits) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "fixative.media.decoding", f"{limits.seconds}", f"{limits.memory}"],
        bufsize=0,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={name: os.environ[name] for name in PASSED_ON if name in os.environ},
        start_new_session=True,
    )


def _measures(answer: dict[str, Any]) -> dict[str, Any]:
    """What it measured. Raises NotDecodable where it gave a reason instead."""
    if "reason" in answer:
        raise NotDecodable(answer["reason"], answer["detail"])
    measures: dict[str, Any] = answer["measures"]
    return measures
