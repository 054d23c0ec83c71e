"""`python -m tests.chaos.endurance`: a steady load and faults for half an hour; nothing may grow.

Webhooks are lost, workers are killed, the bucket and Valkey are restarted, one each few minutes.
What the system holds meanwhile is written as JSON and drawn. Exit code 1 when something grew, a
request failed, or a job did not end well.
"""

import json
import random
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from typing import Any

import click

from bench.lines import Panel, lines_svg
from bench.machine import facts
from bench.paced import Connection, Load, Target
from tests.chaos.run import QUICK, SETTINGS
from tests.chaos.system import ChaosSystem
from tests.chaos.verdict import wait_until_drained
from tests.chaos.watch import Watch

FAULTS = {
    "webhook_dropped": 0.2,
    "webhook_doubled": 0.1,
    "create_then_500": 0.01,
    "429": 0.02,
    "output_truncated": 0.02,
}
DEEDS = (  # a server is told to end, and started anew; a worker is killed
    ("worker-io", signal.SIGKILL),
    ("seaweedfs", signal.SIGTERM),
    ("worker-store", signal.SIGKILL),
    ("valkey", signal.SIGTERM),
    ("worker-derive", signal.SIGKILL),
)
DEED_SECONDS = 90.0  # from one to the next
FILES = {"model": "emulator/bytes", "input": {"bytes": 60_000, "count": 2}, "job_type": "file"}
IMAGE = {"model": "black-forest-labs/flux-schnell", "input": {"prompt": "cat"}, "job_type": "image"}
KINDS = ((FILES, 0.9), (IMAGE, 0.1))  # of all jobs: an image is dear, decoded and encoded twice
LOOK_SECONDS = 10.0
DRAIN_SECONDS = 300.0


@dataclass
class Endurance:
    """A run: what was asked, done, seen, and what must not be."""

    seconds: float
    rate: float
    seed: int
    deeds: list[tuple[float, str]] = field(default_factory=list)
    samples: list[tuple[float, dict[str, float]]] = field(default_factory=list)
    jobs: dict[str, Any] = field(default_factory=dict)
    violations: list[str] = field(default_factory=list)

    def as_json(self) -> str:
        """All of it, and where it was measured."""
        return json.dumps({**vars(self), "machine": facts()}, indent=1) + "\n"


def endure(home: Path, *, seconds: float, rate: float, seed: int) -> tuple[Endurance, Watch]:
    """Run it; no deed is done in the first tenth and in the last."""
    run = Endurance(seconds, rate, seed)
    system = ChaosSystem(home, **SETTINGS)
    try:
        system.configure(seed=seed, faults=FAULTS, **QUICK)
        watch = Watch(system)
        key = system.run["admin_key"]
        loads = [Load(Target(system.url, key, body), share * rate) for body, share in KINDS]
        _under_load(run, system, watch, loads)
        drained = wait_until_drained(system, DRAIN_SECONDS)
        connection = Connection(loads[0].target)
        for load in loads:
            load.look(connection)
        connection.close()
        _judge(run, system, watch, loads)
        run.jobs["drained after"] = round(drained)
    finally:
        system.stop()
    return run, watch


def _under_load(run: Endurance, system: ChaosSystem, watch: Watch, loads: Sequence[Load]) -> None:
    rng = random.Random(run.seed)
    deeds_due = round(0.8 * run.seconds / DEED_SECONDS)
    due = [0.1 * run.seconds + (n + rng.random()) * DEED_SECONDS for n in range(deeds_due)]
    deeds = cycle(DEEDS)
    connection = Connection(loads[0].target)
    began = time.monotonic()
    with loads[0].running(), loads[1].running():
        next_look = 0.0
        while (now := time.monotonic() - began) < run.seconds:
            if due and now >= due[0]:
                due.pop(0)
                role, number = next(deeds)
                if system.signal(role, number):
                    run.deeds.append((round(now, 1), f"{signal.Signals(number).name} {role}"))
            if now >= next_look:
                next_look += LOOK_SECONDS
                watch.look(round(now, 1))
                _note_jobs(watch.samples[-1][1], loads)
            for load in loads:
                load.look(connection)
            time.sleep(1)
    connection.close()


def _note_jobs(sample: dict[str, float], loads: Sequence[Load]) -> None:
    """What was handed in, is open, and how long the last hundred answers and jobs took."""
    answers = [each.seconds for load in loads for each in load.handed[-50:] if not each.problem]
    took = [seconds for load in loads for _, seconds in list(load.ended.values())[-50:]]
    sample["jobs, open"] = float(sum(len(load.open) for load in loads))
    sample["jobs, errors so far"] = float(sum(len(load.problems) for load in loads))
    if answers and took:
        sample["seconds, answer p95"] = sorted(answers)[int(0.95 * (len(answers) - 1))]
        sample["seconds, job p50"] = sorted(took)[len(took) // 2]


def _judge(run: Endurance, system: ChaosSystem, watch: Watch, loads: Sequence[Load]) -> None:
    run.samples = watch.samples
    handed = [each for load in loads for each in load.handed]
    ended = [end for load in loads for end in load.ended.values()]
    creates = system.stats()["creates"]
    run.jobs = {
        "handed in": len(handed),
        "sent again on a new connection": sum(each.again for each in handed),
        "succeeded": sum(status == "succeeded" for status, _ in ended),
        "created more than once": sum(n > 1 for n in creates["by_job"].values()),
        "slowest, s": round(max((seconds for _, seconds in ended), default=0.0), 1),
    }
    run.violations = watch.growing()
    run.violations += sorted({p for load in loads for p in load.problems})
    if run.jobs["succeeded"] != len(handed):
        run.violations.append(f"{len(handed)} handed in, {run.jobs['succeeded']} succeeded")
    if run.jobs["created more than once"]:
        run.violations.append(f"{run.jobs['created more than once']} created more than once")


def drawn(run: Endurance, watch: Watch) -> str:
    """The run as a picture."""
    panels = [
        Panel("memory, MB (shared pages counted once)", watch.series("MB, ")),
        Panel("open files", watch.series("files, ")),
        Panel("connections held at", watch.series("connections, ")),
        Panel("servers' memory, MB", watch.series("servers' MB, ")),
        Panel("dead rows, as a share of the worst table", watch.series("dead ")),
        Panel("jobs", watch.series("jobs, ")),
        Panel("seconds", watch.series("seconds, ")),
    ]
    title = (
        f"{run.rate:g} jobs a second for {run.seconds / 60:g} minutes;"
        f" {len(run.deeds)} kills and restarts (dashed), {FAULTS['webhook_dropped']:.0%} of"
        " webhooks lost"
    )
    at = [when for when, _ in run.deeds]
    return lines_svg(title, panels, seconds=run.seconds, events=at)


@click.command()
@click.option("--seconds", envvar="SECONDS", type=click.IntRange(60), default=1800)
@click.option("--rate", envvar="RATE", type=click.FloatRange(0, min_open=True), default=5.0)
@click.option("--seed", envvar="SEED", type=int, default=1)
@click.option("--out", envvar="OUT", type=click.Path(path_type=Path), default=Path("bench/results"))
def main(*, seconds: int, rate: float, seed: int, out: Path) -> None:
    """Run it, write OUT/endurance.json and .svg, and say what came of it."""
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as home:
        run, watch = endure(Path(home), seconds=seconds, rate=rate, seed=seed)
    (out / "endurance.json").write_text(run.as_json())
    (out / "endurance.svg").write_text(drawn(run, watch))
    click.echo(json.dumps(run.jobs, indent=2))
    for violation in run.violations:
        click.echo(f"✗ {violation}")
    click.echo(f"{out}/endurance.svg: {len(run.violations)} violations")
    sys.exit(int(bool(run.violations)))


if __name__ == "__main__":
    main()
