"""Beat is no single point: two side by side, one stopped or killed, and no sweep is missed."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

ROOT = Path(__file__).parents[2]
PERIOD = 2.0  # of the sweep
SECONDS = 10
LONGEST_GAP = 30.0


@pytest.fixture
def second_beat(system):
    """Another beat, beside the system's own; stopped when the test ends."""
    process = subprocess.Popen(
        [sys.executable, "-m", "celery", "-A", "worker.app", "beat", "--loglevel", "WARNING"],
        env={**os.environ, "FIXATIVE_DATA_DIR": str(system.data_dir)},
        cwd=ROOT,
    )
    yield process
    process.kill()
    process.wait()


@pytest.fixture
def first_beat(system):
    """The system's own, which goes on when the test ends."""
    pid = system.pids["beat"]
    yield pid
    os.kill(pid, signal.SIGCONT)


@pytest.mark.parametrize("end", ["stop the first", "kill the second"])
def test_two_beats_and_the_end_of_one_miss_no_sweep_and_double_none(
    system, first_beat, second_beat, end
):
    taken: list[tuple[float, int]] = []  # when, and how many sweeps had been done by then
    url = system.run["database_url"].replace("+psycopg", "")
    with psycopg.connect(url, autocommit=True) as connection:
        began = time.monotonic()
        stopped = False
        # On until a sweep is seen that the one that ended cannot have asked for.
        while (now := time.monotonic() - began) < SECONDS or (
            taken[-1][0] < SECONDS / 2 + PERIOD and now < SECONDS / 2 + LONGEST_GAP
        ):
            row = connection.execute("SELECT lease_token FROM ticks WHERE name = 'fixative.sweep'")
            number = (row.fetchone() or (0,))[0]
            if not taken or number != taken[-1][1]:
                taken.append((now, number))
            if not stopped and now > SECONDS / 2:
                if end == "stop the first":
                    os.kill(first_beat, signal.SIGSTOP)
                else:
                    second_beat.kill()
                stopped = True
            time.sleep(0.05)

    times = [at for at, _ in taken]
    sweeps = taken[-1][1] - taken[0][1]
    assert 0 < sweeps <= now / PERIOD * 1.3 + 2
    gaps = [after - before for before, after in zip(times, [*times[1:], now], strict=True)]
    assert max(gaps) < LONGEST_GAP
