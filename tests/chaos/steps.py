"""`python -m tests.chaos.steps`: a process killed, then stopped, at each labelled step alone.

Twenty jobs a step; a stop lasts longer than a lease. What must hold is what holds of the storm.
"""

import argparse
import json
import random
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path

from fixative.steps import STEPS
from tests.chaos.load import Load
from tests.chaos.mayhem import LONGER_THAN_A_LEASE, WORKERS
from tests.chaos.run import DRAIN_SECONDS, QUICK, SETTINGS
from tests.chaos.system import ChaosSystem
from tests.chaos.verdict import Verdict, judge, wait_until_drained

JOBS = 20
ROLES = (*WORKERS, "api")
TIMES = {"kill": 3, "stop": 1}


class Waker:
    """Lets processes that stopped themselves go on, once their leases have run out."""

    def __init__(self, system: ChaosSystem) -> None:
        self._system = system
        self._since: dict[str, float] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="waker", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Wake everybody, and end."""
        self._over.set()
        self._thread.join()
        for role in ROLES:
            self._system.signal(role, signal.SIGCONT)

    def _run(self) -> None:
        while not self._over.wait(0.5):
            for role in ROLES:
                if not self._system.stopped(role):
                    self._since.pop(role, None)
                    continue
                since = self._since.setdefault(role, time.monotonic())
                if time.monotonic() - since > LONGER_THAN_A_LEASE:
                    self._system.signal(role, signal.SIGCONT)


def at_step(system: ChaosSystem, name: str, how: str, earlier: set[str]) -> Verdict:
    """Twenty jobs, and so many deaths at this step as TIMES says; `earlier` gains the jobs."""
    order = {"step": name, "how": how, "left": TIMES[how]}
    system.step_file.write_text(json.dumps(order))
    load = Load()
    began = time.monotonic()
    load.run(system, JOBS, random.Random(f"{name} {how}"), cancels=0, rest=0)
    system.until_ready()
    drained = wait_until_drained(system, DRAIN_SECONDS)
    left = json.loads(system.step_file.read_text())["left"]
    verdict = judge(system, load, earlier)
    earlier.update(load.accepted)
    verdict.drained_after_seconds = round(drained)
    verdict.seconds = round(time.monotonic() - began)
    verdict.mayhem = {f"{how} {name}": TIMES[how] - left}
    if left == TIMES[how]:
        verdict.violations.append(f"nobody came to {name}")
    return verdict


def main() -> None:
    """Read the arguments, go through the steps, say what came of each."""
    parser = argparse.ArgumentParser(prog="chaos-steps", description=__doc__)
    parser.add_argument("--step", action="append", choices=STEPS, help="all when none is named")
    parser.add_argument("--how", action="append", choices=tuple(TIMES))
    parser.add_argument("--keep", type=Path, help="a directory for data and logs, kept")
    asked = parser.parse_args()
    failed, earlier = False, set[str]()
    with tempfile.TemporaryDirectory() as temporary:
        system = ChaosSystem(asked.keep or Path(temporary), **SETTINGS)
        waker = Waker(system)
        try:
            system.configure(**QUICK)
            for how in asked.how or TIMES:
                for name in asked.step or STEPS:
                    verdict = at_step(system, name, how, earlier)
                    failed = failed or bool(verdict.violations)
                    done = verdict.mayhem[f"{how} {name}"]
                    print(
                        f"{how} {name:<16} {done}×: {dict(verdict.statuses)}, creates"
                        f" {dict(verdict.creates)}, {verdict.wrong_bytes} wrong bytes,"
                        f" {verdict.seconds} s {verdict.violations or 'ok'}",
                        flush=True,
                    )
        finally:
            waker.stop()
            system.stop()
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
