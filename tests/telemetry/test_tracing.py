"""Traces: nothing of them where nobody collects them, and whole jobs where some are sampled."""

import os
import subprocess
import sys

import pytest
from opentelemetry.sdk.trace.sampling import TraceIdRatioBased
from uuid_utils.compat import uuid7

from fixative.telemetry.spans import _Evenly

ASKING = """
import sys
from uuid_utils.compat import uuid7
BEFORE
from fixative.telemetry.tracing import span, tell_job
with span("store", uuid7()), span("store.put"):
    print("done")
there = {name.partition(".")[0] for name, module in sys.modules.items() if module}
print("opentelemetry" in there)
"""


def run(before="", **environ):
    """What a process says that works under a span: that it did, and whether it has the library."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("OTEL_")}
    command = [sys.executable, "-c", ASKING.replace("BEFORE", before)]
    done = subprocess.run(command, env=clean | environ, capture_output=True, text=True, check=True)
    return done.stdout


def test_without_a_collector_nothing_of_it_is_imported():
    assert run() == "done\nFalse\n"


def test_a_collector_without_the_library_is_said_and_holds_nobody_up():
    told = run('sys.modules["opentelemetry"] = None', OTEL_EXPORTER_OTLP_ENDPOINT="http://[::1]:1")

    assert "traces_not_installed" in told
    assert told.endswith("done\nFalse\n")


@pytest.mark.parametrize("share", [0.25, 0.5])
def test_jobs_are_sampled_evenly_though_their_ids_follow_each_other(share):
    sampler = _Evenly(TraceIdRatioBased(share))
    decisions = [sampler.should_sample(None, uuid7().int, "job").decision for _ in range(2000)]

    sampled = sum(decision.is_sampled() for decision in decisions)
    assert abs(sampled / 2000 - share) < 0.1
