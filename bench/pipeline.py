"""The whole pipeline: from POST /jobs to a succeeded job whose 100 kB file is in the bucket."""

import os
import time
from collections.abc import Sequence
from functools import partial
from statistics import quantiles

from bench.by_hand import PIPELINES
from bench.counters import counted
from bench.harness import Comparison, Measure, Sample, compare
from bench.load import Journey, send
from bench.processes import Usage, cpu_seconds, peak_megabytes, shared_megabytes, until_quiet
from bench.stage import Stage, open_stage
from bench.systems import BYTES, Contestant, fixative

WARM_UP = 40
STEADY_PER_SECOND = 10
STEADY_JOBS = 50
PERCENTILES = (50, 95, 99)

ROLES = ("api", "worker-io", "worker-store", "worker-derive", "beat")
SERVERS = ("postgres", "valkey", "seaweedfs", "emulator")
MEASURES = (
    Measure("jobs per second", "1/s", "higher"),
    Measure("until quiet", "s", "lower"),
    Measure("CPU per job", "ms", "lower"),
    *(Measure(f"CPU per job, {role}", "ms", "lower") for role in ROLES),
    Measure("CPU per job, servers", "ms", "lower"),
    *(Measure(f"CPU per job, {server}", "ms", "lower") for server in SERVERS),
    Measure("Postgres log per job", "kB", "lower"),
    Measure("to Redis per job", "kB", "lower"),
    Measure("Redis commands per job", "", "lower"),
    *(
        Measure(f"{load} latency p{n}", "ms", "lower")
        for load in ("burst", "steady")
        for n in PERCENTILES
    ),
    Measure("peak memory", "MB", "lower"),
    Measure("memory, shared pages once", "MB", "lower"),
)


def run(jobs: int, rounds: int) -> Comparison:
    """POST /jobs to stored media, beside peers by hand: jobs/s, latency, CPU and memory."""
    warm_up, steady_jobs = min(jobs, WARM_UP), min(jobs, STEADY_JOBS)
    settings = {
        "jobs": jobs,
        "rounds": rounds,
        "bytes": BYTES,
        "warm_up": warm_up,
        "steady_jobs": steady_jobs,
        "steady_per_second": STEADY_PER_SECOND,
    }
    with open_stage() as stage:
        turns = {
            contestant.name: partial(_turn, stage, contestant, jobs, warm_up, steady_jobs)
            for contestant in (fixative(stage), *(PIPELINES[peer](stage) for peer in _peers()))
        }
        return compare(turns, MEASURES, rounds=rounds, settings=settings)


def _peers() -> list[str]:
    """The peers that `PEERS=bare,careful` names, or all."""
    wanted = os.environ.get("PEERS")
    return wanted.split(",") if wanted else list(PIPELINES)


def _turn(
    stage: Stage, contestant: Contestant, jobs: int, warm_up: int, steady_jobs: int
) -> Sample:
    """Start the system, warm it, a burst for its speed, a steady trickle for its latency."""
    created = stage.predictions_created()
    with stage.running(contestant.programs()) as pids:
        send(contestant, warm_up)
        until_quiet(pids)
        ours, servers = cpu_seconds(pids), cpu_seconds(stage.servers.pids)
        before = counted(stage)
        burst = send(contestant, jobs)
        until_quiet(pids)
        quiet = time.time() - max(j.stored_at for j in burst)
        ours, servers = _since(ours, pids), _since(servers, stage.servers.pids)
        written = {name: figure - before[name] for name, figure in counted(stage).items()}
        steady = send(contestant, steady_jobs, per_second=STEADY_PER_SECOND)
        memory, shared = sum(peak_megabytes(pids).values()), sum(shared_megabytes(pids).values())
    paid = stage.predictions_created() - created
    if paid != warm_up + jobs + steady_jobs:
        raise RuntimeError(f"{contestant.name} paid for {paid} predictions")
    return {
        "jobs per second": jobs / _duration(burst),
        "until quiet": quiet,
        **_per_job("CPU per job", ours, jobs),
        **_per_job("CPU per job, servers", servers, jobs),
        "Postgres log per job": written["log bytes"] / 1000 / jobs,
        "to Redis per job": written["Redis bytes"] / 1000 / jobs,
        "Redis commands per job": written["Redis commands"] / jobs,
        **_percentiles("burst", burst),
        **_percentiles("steady", steady),
        "peak memory": memory,
        "memory, shared pages once": shared,
    }


def _since(before: Usage, pids: dict[str, int]) -> Usage:
    return {role: seconds - before[role] for role, seconds in cpu_seconds(pids).items()}


def _duration(journeys: Sequence[Journey]) -> float:
    """From the first submit to the last end."""
    return max(j.stored_at for j in journeys) - min(j.submitted_at for j in journeys)


def _per_job(total: str, seconds: Usage, jobs: int) -> Sample:
    by_role = {f"CPU per job, {role}": 1000 * s / jobs for role, s in seconds.items()}
    return {total: sum(by_role.values()), **by_role}


def _percentiles(name: str, journeys: Sequence[Journey]) -> Sample:
    cuts = quantiles((1000 * journey.seconds for journey in journeys), n=100, method="inclusive")
    return {f"{name} latency p{n}": cuts[n - 1] for n in PERCENTILES}
