"""The suite's own entry points: `up` runs the system, `celery` and `gunicorn` one process of it.

The second puts a `step` of its own into fixative.steps before anything else is imported: at the
step that the file CHAOS_STEP names, the process kills or stops itself, as often as the file says.
"""

import fcntl
import json
import os
import runpy
import signal
import sys
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from fixative import steps

SIGNALS = {"kill": signal.SIGKILL, "stop": signal.SIGSTOP}


def step(name: str) -> None:
    """Die or stop here, with the whole process group, if it is this step's turn."""
    path = os.environ.get("CHAOS_STEP")
    if not path or not Path(path).exists():
        return
    with Path(f"{path}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        order = json.loads(Path(path).read_text())
        if order["step"] != name or order["left"] <= 0:
            return
        order["left"] -= 1
        new = Path(f"{path}.new")  # in one move: another thread may be killing us just now
        new.write_text(json.dumps(order))
        new.rename(path)
        os.killpg(os.getpgrp(), SIGNALS[order["how"]])


def up(data_dir: str) -> None:
    """`fixative up` with this file in the place of the commands of workers and API."""
    from fixative.local.program import Program
    from fixative.local.roles import System, programs_of
    from fixative.local.supervisor import Options, supervise

    def programs(system: System) -> list[Program]:
        return [
            replace(program, argv=[sys.executable, __file__, *program.argv[2:]])
            if program.argv[2] in {"celery", "gunicorn"}
            else program
            for program in programs_of(system)
        ]

    supervise(
        Options(Path(data_dir), port=0, flower=False),
        say=lambda line: print(line, file=sys.stderr),  # noqa: T201
        ready=lambda what: print(f"ready {what}", flush=True),  # noqa: T201
        programs=programs,
    )


if __name__ == "__main__":
    if sys.argv[1] == "up":
        up(sys.argv[2])
    else:
        steps.step = step
        sys.argv = sys.argv[1:]
        runpy.run_module(sys.argv[0], run_name="__main__")
