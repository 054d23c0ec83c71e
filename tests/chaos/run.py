"""`python -m tests.chaos.run`: the long run, its summary, and exit code 1 for any violation."""

import argparse
import json
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from replicate_emulator.catalog import MODELS
from tests.chaos.load import Load
from tests.chaos.mayhem import Mayhem
from tests.chaos.system import ChaosSystem
from tests.chaos.verdict import Verdict, judge, wait_until_drained

FAULTS = {
    "webhook_dropped": 0.3,
    "webhook_doubled": 0.3,
    "create_then_500": 0.1,
    "create_then_hang": 0.05,
    "create_then_reset": 0.05,
    "hang": 0.025,
    "reset": 0.025,
    "429": 0.1,
    "list_lag": 1.0,
    "output_truncated": 0.05,
}
QUICK: dict[str, Any] = {
    "latency": {"*": {"start": 0.05, "run": 0.3}},
    "creates_per_minute": 60_000,
    "reads_per_minute": 60_000,
}
PRICES = {m.full_name: {"price": {"per_second": str(m.dollars_per_second)}} for m in MODELS}
BUDGET = "1000000"  # each job may hold up to two hours of its model
SETTINGS = {
    "MODELS_CONFIG": json.dumps({"models": PRICES}),
    "FIXATIVE_POLL_SECONDS": "10",
    "FIXATIVE_CREATES_PER_MINUTE": "6000",
    "FIXATIVE_READS_PER_MINUTE": "30000",
}
NO_FAULTS = dict.fromkeys(FAULTS, 0.0)
DRAIN_SECONDS = 1500.0


def storm(
    home: Path, *, jobs: int, seed: int, kill_every: float, faults: dict[str, float], rest: float
) -> Verdict:
    """Run the system through the storm that this seed names, and judge what is left of it."""
    rng = random.Random(seed)
    system = ChaosSystem(home, **SETTINGS)
    began = time.monotonic()
    try:
        system.configure(seed=seed, faults=faults, **QUICK)
        system.set_budget(BUDGET)
        mayhem = Mayhem(system, random.Random(rng.random()), kill_every)
        load = Load()
        mayhem.start()
        try:
            load.run(system, jobs, random.Random(rng.random()), cancels=0.03, rest=rest)
        finally:
            mayhem.stop()
        system.until_ready()
        drained = wait_until_drained(system, DRAIN_SECONDS)
        verdict = judge(system, load)
        verdict.drained_after_seconds = round(drained)
        verdict.mayhem = dict(sorted(mayhem.done.items()))
        verdict.seconds = round(time.monotonic() - began)
        return verdict
    finally:
        system.stop()


def main() -> None:
    """Read the arguments, run, say what came of it."""
    parser = argparse.ArgumentParser(prog="chaos", description=__doc__)
    parser.add_argument("--jobs", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--kill-every", type=float, default=2.0, help="seconds")
    parser.add_argument("--rest", type=float, default=1.0, help="seconds of a client after a job")
    parser.add_argument("--keep", type=Path, help="a directory for data and logs, kept")
    asked = parser.parse_args()
    seed = random.SystemRandom().randrange(10**6) if asked.seed is None else asked.seed
    print(f"chaos: {asked.jobs} jobs, SEED={seed}", flush=True)
    with tempfile.TemporaryDirectory() as temporary:
        verdict = storm(
            asked.keep or Path(temporary),
            jobs=asked.jobs,
            seed=seed,
            kill_every=asked.kill_every,
            faults=FAULTS,
            rest=asked.rest,
        )
    print(verdict.as_json())
    print(
        f"chaos: SEED={seed}: {verdict.lost} lost, {verdict.paid_twice} paid twice,"
        f" {verdict.wrong_bytes} wrong bytes, {len(verdict.violations)} violations"
    )
    sys.exit(1 if verdict.violations else 0)


if __name__ == "__main__":
    main()
