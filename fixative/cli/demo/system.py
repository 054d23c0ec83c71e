"""The whole system as a child of the demo: `fixative up`, begun and ended."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from fixative.cli.demo.errors import DemoFailed
from fixative.cli.run_file import read_run_file

START_SECONDS = 150
STOP_SECONDS = 30
LOOK_SECONDS = 0.1
PATIENCE_SECONDS = 2  # for what ends just now

# The demo runs on servers of its own and the local Replicate: with a token it would cost money.
NOT_PASSED_ON = (
    *("ALLOWED_REPLAY_DIRS", "AWS_", "DATABASE_URL", "FIXATIVE_", "MODELS_CONFIG"),
    *("OTEL_", "OUTPUT_DIR", "REDIS_URL", "REPLICATE_", "S3_"),
)


class System:
    """`fixative up` on one data directory."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self._log = data_dir / "logs" / "up.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The supervisor's."""
        return self._running().pid

    def start(self) -> Iterator[str]:
        """Begin; yields what the supervisor says until all answer. Raises DemoFailed."""
        self._log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        command = [sys.executable, "-c", "from fixative.cli.main import main; main()", "up"]
        # To a file, which lasts when we leave it running; and in a session of its own, so that
        # Ctrl-C is ours to handle.
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [*command, "--port", "0", "--data-dir", str(self.data_dir)],
                env=without_services(os.environ),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        yield from self._until_ready()

    def run_file(self) -> dict[str, Any]:
        """Where everything is now."""
        run = read_run_file(self.data_dir)
        if run is None:
            raise DemoFailed(f"{self.data_dir}/run.json is not there")
        return run

    def stop(self) -> None:
        """End it, if it runs. Raises DemoFailed when a process is there all the same."""
        if self._process is None:
            return
        with ignoring_signals():
            processes = (read_run_file(self.data_dir) or {}).get("processes", [])
            self._process.terminate()
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()  # its watchdog ends the rest
                self._process.wait()
                raise DemoFailed(f"`fixative up` did not end in {STOP_SECONDS} s") from None
            finally:
                self._process = None
            left = [f"{p['role']} ({p['pid']})" for p in processes if not _gone(p["pid"])]
        if left:
            raise DemoFailed(f"still there after the end: {', '.join(left)}")

    def _until_ready(self) -> Iterator[str]:
        give_up = time.monotonic() + START_SECONDS
        told = 0
        while True:
            ended = self._running().poll() is not None
            lines = self._log.read_text().splitlines()
            yield from (line.removeprefix("fixative: ") for line in lines[told:])
            told = len(lines)
            if any(line.startswith("ready ") for line in lines):
                return
            if ended:
                raise DemoFailed(f"`fixative up` ended: {lines[-1] if lines else 'without a word'}")
            if time.monotonic() > give_up:
                raise DemoFailed(f"`fixative up` is not ready after {START_SECONDS} s")
            time.sleep(LOOK_SECONDS)

    def _running(self) -> "subprocess.Popen[bytes]":
        if self._process is None:
            raise DemoFailed("`fixative up` was not started")
        return self._process


@contextmanager
def ignoring_signals() -> Iterator[None]:
    """An impatient second Ctrl-C must not leave half of it running."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, signal.SIG_IGN) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def without_services(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment, less every variable that would bring in somebody else's service."""
    return {name: value for name, value in environ.items() if not name.startswith(NOT_PASSED_ON)}


def _gone(pid: int) -> bool:
    """Whether the process has ended, now or in a moment."""
    give_up = time.monotonic() + PATIENCE_SECONDS
    while _alive(pid):
        if time.monotonic() > give_up:
            return False
        time.sleep(LOOK_SECONDS)
    return True


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    with suppress(OSError):  # Linux shows what has ended and was not collected yet
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    return True
