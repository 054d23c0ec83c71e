"""Where a process counts: a place of its own in PROMETHEUS_MULTIPROC_DIR, which others take over.

A file for each process that ever was would be one more to read at each scrape for ever, and two
containers have processes of one number. So places are numbered, each held by a lock that ends with
its holder, and whoever takes a free one goes on where its counters stand.
"""

import fcntl
import os
from pathlib import Path
from typing import IO


class Places:
    """The places in a directory. `mine` may be asked at any time, also after a fork."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._pid = 0
        self._name = ""
        self._lock: IO[bytes] | None = None  # kept open for as long as the place is ours

    def mine(self) -> str:
        """The name of this process's place; no other process has it while this one lives."""
        if self._pid != os.getpid():
            if self._lock:
                self._lock.close()  # a parent's, which holds it on
            self._lock, self._name = self._take()
            self._pid = os.getpid()
        return self._name

    def _take(self) -> tuple[IO[bytes], str]:
        self._directory.mkdir(parents=True, exist_ok=True)
        number = 0
        while True:
            number += 1
            file = (self._directory / f"place-{number}.lock").open("ab")
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.close()
            else:
                return file, f"place-{number}"
