"""A whole system with nothing to do: what it costs to be there."""

import time
from functools import partial

from bench.by_hand import PIPELINES
from bench.counters import counted, transactions
from bench.harness import Comparison, Measure, Sample, compare
from bench.load import send
from bench.processes import cpu_seconds, until_quiet
from bench.stage import Stage, open_stage
from bench.systems import Contestant, fixative

WARM_UP = 5
ROLES = ("api", "worker-io", "worker-store", "worker-derive", "beat")
SERVERS = ("postgres", "valkey", "seaweedfs", "emulator")
MEASURES = (
    Measure("CPU", "% of a core", "lower"),
    *(Measure(f"CPU, {role}", "% of a core", "lower") for role in ROLES),
    *(Measure(f"CPU, {server}", "% of a core", "lower") for server in SERVERS),
    Measure("Redis commands", "1/s", "lower"),
    Measure("Postgres transactions", "1/s", "lower"),
    Measure("Postgres log", "kB/s", "lower"),
)


def run(seconds: int, rounds: int) -> Comparison:
    """Nothing to do, beside the careful peer: CPU, Redis commands, Postgres transactions."""
    with open_stage() as stage:
        turns = {
            contestant.name: partial(_turn, stage, contestant, seconds)
            for contestant in (fixative(stage), PIPELINES["careful"](stage))
        }
        sizes = {"seconds": seconds, "rounds": rounds}
        return compare(turns, MEASURES, rounds=rounds, settings=sizes)


def _turn(stage: Stage, contestant: Contestant, seconds: int) -> Sample:
    """A few jobs first, so that everything is imported and connected."""
    with stage.running(contestant.programs()) as pids:
        send(contestant, WARM_UP)
        until_quiet(pids)
        everything = {**pids, **stage.servers.pids}
        began, cpu, before = time.monotonic(), cpu_seconds(everything), counted(stage)
        done = transactions(contestant)
        time.sleep(seconds)
        passed, after = time.monotonic() - began, counted(stage)
        done = transactions(contestant) - done
        share = {
            role: 100 * (used - cpu[role]) / passed
            for role, used in cpu_seconds(everything).items()
        }
    return {
        "CPU": sum(share[role] for role in pids),
        **{f"CPU, {role}": percent for role, percent in share.items()},
        "Redis commands": (after["Redis commands"] - before["Redis commands"]) / passed,
        "Postgres transactions": done / passed,
        "Postgres log": (after["log bytes"] - before["log bytes"]) / 1000 / passed,
    }
