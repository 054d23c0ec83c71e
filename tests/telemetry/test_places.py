"""Where processes count: each in a place of its own, which outlives it with what it counted."""

import os
import subprocess
import sys
from contextlib import contextmanager

import httpx
import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.multiprocess import MultiProcessCollector

COUNTING = """
import sys
from fixative.telemetry.metrics import HINTS_LOST, TASK_SECONDS
HINTS_LOST.inc()
TASK_SECONDS.labels("a").observe(1)
print("counted", flush=True)
sys.stdin.read()
"""
FORKING = """
import os, sys
from fixative.telemetry.metrics import HINTS_LOST
HINTS_LOST.inc()
for _ in range(2):
    if os.fork() == 0:
        HINTS_LOST.inc(10)
        os._exit(0)
    os.wait()
HINTS_LOST.inc()
"""


@pytest.fixture
def counting(tmp_path):
    """A process that counts one hint lost, and lives on for the block."""

    @contextmanager
    def run(program=COUNTING):
        process = subprocess.Popen(
            [sys.executable, "-c", program],
            env={**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path / "metrics")},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        with process:
            assert process.stdout.readline() in {"counted\n", ""}
            yield process
            process.kill()

    return run


@pytest.fixture
def lost(tmp_path):
    def read():
        registry = CollectorRegistry()
        MultiProcessCollector(registry, str(tmp_path / "metrics"))
        return registry.get_sample_value("fixative_hints_lost_total")

    return read


@pytest.fixture
def places(tmp_path):
    return lambda: len(list((tmp_path / "metrics").glob("counter_*.db")))


def test_processes_that_live_at_once_count_in_places_of_their_own(counting, lost, places):
    with counting(), counting(), counting():
        assert (lost(), places()) == (3, 3)


def test_who_comes_after_a_killed_one_goes_on_where_it_stood(counting, lost, places):
    for generation in range(1, 5):
        with counting():
            assert (lost(), places()) == (generation, 1)
    assert lost() == 4


def test_a_fork_has_a_place_of_its_own_and_leaves_its_parents_alone(counting, lost, places):
    with counting(FORKING) as process:
        process.wait(20)

    assert (lost(), places()) == (22, 2)


def test_what_was_counted_is_told_over_http_where_no_api_shares_the_place(counting, tmp_path):
    environ = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path / "metrics")}
    command = [sys.executable, "-m", "fixative.telemetry.counts", "0"]
    with (
        counting(),
        subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True) as telling,
    ):
        try:
            told = httpx.get(telling.stdout.readline().strip()).text
        finally:
            telling.terminate()
    assert "fixative_hints_lost_total 1.0" in told
