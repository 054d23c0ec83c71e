import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def bench(results, name, *options):
    command = [sys.executable, "-m", "bench", name, *options, "--rounds", "1"]
    command += ["--results", str(results)]
    run = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False
    )
    assert run.returncode == 0, run.stderr
    return json.loads((results / f"{name}.json").read_text())


@pytest.mark.wide
def test_a_tiny_run_compares_both_pipelines(tmp_path):
    result = bench(tmp_path, "pipeline", "--jobs", "10")

    assert result["machine"]["cores"] > 0
    for measure in ("jobs per second", "CPU per job", "steady latency p50", "peak memory"):
        assert result["measures"][measure]["systems"].keys() == {"fixative", "bare"}
        assert result["measures"][measure]["ratio"]["bare"]["median"] > 0


@pytest.mark.soak
def test_a_few_records_are_replayed_beside_a_bare_script(tmp_path):
    result = bench(tmp_path, "replay", "--records", "20")

    for measure in ("records per second", "CPU per thousand"):
        assert result["measures"][measure]["systems"].keys() == {"fixative", "bare"}
        assert result["measures"][measure]["ratio"]["bare"]["median"] > 0


@pytest.mark.soak
def test_a_few_watchers_are_held_against_none(tmp_path):
    result = bench(tmp_path, "watch", "--watchers", "9")

    for measure in ("submit p50", "webhook p95", "health p50"):
        assert result["measures"][measure]["systems"].keys() == {"watched", "unwatched"}
    assert result["measures"]["memory rise"]["systems"]["watched"]["median"] < 100


@pytest.mark.soak
def test_a_few_calls_through_us_are_held_against_the_same_without_us(tmp_path):
    result = bench(tmp_path, "drop_in", "--calls", "20")

    for measure in ("create p50", "create p95", "get p50", "get p95"):
        assert result["measures"][measure]["systems"].keys() == {"fixative", "Replicate itself"}


@pytest.mark.soak
def test_a_small_file_is_stored_beside_a_plain_copy(tmp_path):
    result = bench(tmp_path, "media", "--megabytes", "70")

    for measure in ("megabytes per second", "CPU per gigabyte"):
        assert result["measures"][measure]["systems"].keys() == {"fixative", "plain copy"}
        assert result["measures"][measure]["ratio"]["plain copy"]["median"] > 0


@pytest.mark.soak
def test_a_short_history_is_walked_beside_a_bare_script(tmp_path):
    result = bench(tmp_path, "sync", "--predictions", "300")

    rate = result["measures"]["predictions per second"]
    assert rate["systems"].keys() == {"fixative", "bare script", "Replicate's pace"}
    assert rate["ratio"]["bare script"]["median"] > 0
    assert result["measures"]["peak memory"]["systems"]["fixative"]["median"] < 250


@pytest.mark.soak
def test_a_history_is_held_against_half_of_it(tmp_path):
    result = bench(tmp_path, "scale", "--history", "20000")

    assert len(result["settings"]["reads"]["20,000 jobs"]) == len(result["measures"])
    for measure in ("gallery", "POST /jobs", "sweep", "read a delivery"):
        assert result["measures"][measure]["systems"].keys() == {"20,000 jobs", "10,000 jobs"}
