"""Redis is killed under load, and comes back without anything that it held."""

import shutil
import time

import pytest

from tests.system.following import creates, submit_mixed

pytestmark = [pytest.mark.soak, pytest.mark.timeout(1200)]

JOBS = 100


def test_a_redis_that_lost_all_it_held_costs_seconds_and_no_job(
    start, follow, outside, replicate, eventually
):
    system = start("--no-flower", **outside)
    jobs = submit_mixed(system, range(JOBS // 2))
    with system.refusing("valkey"):
        home = system.data_dir / "valkey"
        shutil.rmtree(home / "appendonlydir")
        (home / "dump.rdb").unlink(missing_ok=True)
        jobs += submit_mixed(system, range(JOBS // 2, JOBS))
    back = time.monotonic()
    eventually(lambda: system.api.get("/readyz").status_code == 200)
    ready = time.monotonic() - back
    system.all_ended(jobs, patience=300)
    print(
        f"{JOBS} jobs: ready after {ready:.0f} s, all ended after {time.monotonic() - back:.0f} s"
    )

    follow(system, "loss-of-redis", outside)

    assert creates(replicate) == {1}
