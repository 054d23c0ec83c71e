import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_a_tiny_run_compares_both_pipelines(tmp_path):
    command = [sys.executable, "-m", "bench", "pipeline", "--jobs", "10", "--rounds", "1"]
    command += ["--results", str(tmp_path)]
    run = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False
    )

    assert run.returncode == 0, run.stderr
    result = json.loads((tmp_path / "pipeline.json").read_text())
    assert result["machine"]["cores"] > 0
    for measure in ("jobs per second", "CPU per job", "steady latency p50", "peak memory"):
        assert result["measures"][measure]["systems"].keys() == {"fixative", "bare"}
        assert result["measures"][measure]["ratio"]["bare"]["median"] > 0
