"""The processes of a supervisor: started, seen ready, restarted when they die, stopped in order."""

import subprocess
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from fixative.local.data_dir import DataDir
from fixative.local.errors import DoesNotStart
from fixative.local.logs import last_line, open_log, trim
from fixative.local.program import Program, Running, kill_group, spawn
from fixative.local.watchdog import Watchdog

LONGEST_PAUSE = 10.0
STEADY_SECONDS = 30.0
START_ATTEMPTS = 3
START_SECONDS = 90.0


@dataclass
class Child:
    """A program, and the process that runs it now, if any."""

    program: Program
    process: "subprocess.Popen[bytes] | None" = None
    started_at: float = 0.0
    start_at: float = 0.0
    deaths: int = 0  # in a row: a steady life sets it back
    ready: bool = False


@dataclass
class Children:
    """Programs that are kept running, from `start` until `stop`. Call it from the main thread."""

    data_dir: DataDir
    _children: dict[str, Child] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._watchdog = Watchdog(self.data_dir.lock)

    @property
    def pids(self) -> dict[str, int]:
        """Each role's process; a role between death and restart is absent."""
        children = self._children.items()
        return {role: child.process.pid for role, child in children if child.process}

    @property
    def running(self) -> dict[str, Running]:
        """Each role's process, and since when it runs."""
        age = time.time() - time.monotonic()
        return {
            role: Running(child.process.pid, age + child.started_at)
            for role, child in self._children.items()
            if child.process
        }

    def start(self, programs: Iterable[Program]) -> None:
        """Start all of them at once; `until_ready` says when they answer."""
        for program in programs:
            child = self._children[program.role] = Child(program)
            self._spawn(child)

    def until_ready(self, pause: Callable[[float], None] = time.sleep) -> None:
        """Come back when every program answers.

        Raises DoesNotStart when one keeps dying or stays silent.
        """
        give_up = time.monotonic() + START_SECONDS
        while waiting := [child for child in self._children.values() if not child.ready]:
            self.tend()
            for child in waiting:
                child.ready = child.process is not None and child.program.answers()
                late = time.monotonic() > give_up
                if not child.ready and (late or child.deaths >= START_ATTEMPTS):
                    log = self.data_dir.log_of(child.program.role)
                    role = child.program.role
                    raise DoesNotStart(f"{role} does not start: {last_line(log)} (see {log})")
            if not all(child.ready for child in waiting):
                pause(0.05)

    def tend(self) -> bool:
        """Start anew what died: at once the first time, then after pauses that double.

        True when `pids` is no longer what it was.
        """
        before = self.pids
        now = time.monotonic()
        for child in self._children.values():
            if child.process and child.process.poll() is not None:
                self._bury(child, now)
            if child.process is None and child.start_at <= now:
                self._spawn(child)
            trim(self.data_dir.log_of(child.program.role))
        return self.pids != before

    def restart(self, role: str, pid: int) -> bool:
        """Kill the role's group at once if `pid` leads it still; `tend` then starts it anew.

        False when another process, or none, runs by now.
        """
        return self.pids.get(role) == pid and kill_group(pid)

    def stop(self, *stages: Iterable[str]) -> None:
        """End everything: the roles of each stage together, one stage after the other."""
        named = [role for stage in stages for role in stage]
        others = [role for role in self._children if role not in named]
        for stage in (*stages, others):
            self._stop([self._children[role] for role in stage if role in self._children])
        self._children.clear()
        self._watchdog.close()

    def _stop(self, children: Sequence[Child]) -> None:
        running = [(child.program, child.process) for child in children if child.process]
        for program, process in running:
            process.send_signal(program.stop_signal)
        started = time.monotonic()
        for program, process in running:
            try:
                process.wait(max(0.0, started + program.grace - time.monotonic()))
            except subprocess.TimeoutExpired:
                pass
            finally:
                kill_group(process.pid)  # what does not end, and what its leader left behind
                process.wait()
                self._watchdog.forget(process.pid)

    def _spawn(self, child: Child) -> None:
        program = child.program
        try:
            with open_log(self.data_dir.log_of(program.role)) as log:
                child.process = spawn(program, log, self.data_dir.lock)
        except OSError as error:
            raise DoesNotStart(f"{program.role} does not start: {error}") from None
        child.started_at = time.monotonic()
        self._watchdog.watch(child.process.pid, program.stop_signal)

    def _bury(self, child: Child, now: float) -> None:
        """Note a death; the orphans it left would keep its port or its work from its successor."""
        if child.process:
            kill_group(child.process.pid)
            self._watchdog.forget(child.process.pid)
            child.process = None
        child.deaths = 1 if now - child.started_at >= STEADY_SECONDS else child.deaths + 1
        child.start_at = now + pause_before_restart(child.deaths)


def pause_before_restart(deaths: int) -> float:
    """Seconds to wait after so many deaths in a row (0, 1, 2, 4, 8, 10, 10 and so on)."""
    return 0.0 if deaths <= 1 else min(2.0 ** (deaths - 2), LONGEST_PAUSE)
