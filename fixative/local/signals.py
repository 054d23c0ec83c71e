"""Signals as something to wait for, so that the supervisor acts on them where it chooses to."""

import os
import select
import signal
from types import TracebackType
from typing import Self

STOP = frozenset({signal.SIGINT, signal.SIGTERM})


class StopRequested(Exception):
    """Somebody asked us to end."""


class Signals:
    """While entered, SIGINT, SIGTERM and SIGCHLD wake `wait` and do nothing else."""

    def __enter__(self) -> Self:
        self._read, self._write = os.pipe()
        os.set_blocking(self._read, False)
        os.set_blocking(self._write, False)
        self._old_descriptor = signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        self._old = {s: signal.signal(s, lambda *_: None) for s in (*STOP, signal.SIGCHLD)}
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._old.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._old_descriptor)
        os.close(self._read)
        os.close(self._write)

    def wait(self, seconds: float) -> None:
        """Come back after `seconds`, sooner when a child ended.

        Raises StopRequested when we were asked to end, now or since the last call.
        """
        if select.select([self._read], [], [], seconds)[0]:
            received = os.read(self._read, 4096)
            if STOP.intersection(received):
                raise StopRequested
