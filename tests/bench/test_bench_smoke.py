import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from bench.by_hand import PIPELINES

ROOT = Path(__file__).parents[2]


def bench(results, name, *options):
    command = [sys.executable, "-m", "bench", name, *options, "--rounds", "1"]
    command += ["--results", str(results)]
    run = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=150, check=False
    )
    assert run.returncode == 0, run.stderr
    assert ET.parse(results / f"{name}.svg").getroot().tag.endswith("svg")
    return json.loads((results / f"{name}.json").read_text())


@pytest.mark.wide
def test_a_tiny_run_compares_the_pipelines(tmp_path):
    result = bench(tmp_path, "pipeline", "--jobs", "10")

    assert result["machine"]["cores"] > 0
    for measure in ("jobs per second", "CPU per job", "steady latency p99", "peak memory"):
        assert result["measures"][measure]["systems"].keys() == {"fixative", *PIPELINES}
        for peer in PIPELINES:
            assert result["measures"][measure]["ratio"][peer]["median"] > 0


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
def test_small_files_of_each_shape_are_stored_beside_a_plain_copy(tmp_path):
    result = bench(tmp_path, "media", "--megabytes", "70")

    for shape in ("one file", "20 files", "small files"):
        measure = f"{shape}, megabytes per second"
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
def test_a_system_with_nothing_to_do_is_held_against_one_by_hand(tmp_path):
    result = bench(tmp_path, "idle", "--seconds", "2")

    for measure in ("CPU", "Redis commands", "Postgres transactions"):
        assert result["measures"][measure]["systems"].keys() == {"fixative", "careful"}


@pytest.mark.soak
def test_one_import_is_held_against_its_libraries(tmp_path):
    result = bench(tmp_path, "start", "--imports", "1")

    for measure in ("import, api", "CPU of import, worker"):
        assert result["measures"][measure]["ratio"]["libraries alone"]["median"] > 0
    assert result["measures"]["next `fixative up`"]["systems"]["fixative"]["median"] > 0


@pytest.mark.soak
@pytest.mark.parametrize("kind", ["submit", "read"])
def test_a_few_requests_are_held_against_a_bare_route(tmp_path, kind):
    result = bench(tmp_path, kind, "--requests", "20")

    for measure in (f"{kind} per second", f"{kind} p50", f"CPU per {kind}"):
        assert result["measures"][measure]["systems"].keys() == {"fixative", "bare"}


@pytest.mark.soak
def test_a_few_webhooks_are_held_against_peers_and_against_storing(tmp_path):
    result = bench(tmp_path, "webhook", "--requests", "20")

    rate = result["measures"]["webhook per second"]
    assert rate["systems"].keys() == {"fixative", "bare", "careful"}
    assert result["measures"]["trickle p99"]["ratio"]["while storing"]["median"] > 0


@pytest.mark.soak
def test_what_is_in_flight_is_known_in_fewer_requests_than_there_are_predictions(tmp_path):
    result = bench(tmp_path, "poll", "--flying", "200")

    requests = result["measures"]["requests"]["systems"]
    assert requests["fixative"]["median"] < requests["a GET each"]["median"] == 200


@pytest.mark.soak
def test_a_few_files_are_derived_from_beside_plain_pillow_and_ffmpeg(tmp_path):
    result = bench(tmp_path, "derive", "--files", "2")

    for measure in ("images per second", "CPU per video"):
        assert result["measures"][measure]["ratio"]["Pillow, ffmpeg"]["median"] > 0


@pytest.mark.soak
def test_a_history_is_held_against_half_of_it(tmp_path):
    result = bench(tmp_path, "scale", "--history", "20000")

    assert len(result["settings"]["reads"]["20,000 jobs"]) == len(result["measures"])
    for measure in ("gallery", "POST /jobs", "sweep", "read a delivery"):
        assert result["measures"][measure]["systems"].keys() == {"20,000 jobs", "10,000 jobs"}
