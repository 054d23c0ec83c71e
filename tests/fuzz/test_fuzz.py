"""What is kept in the corpus harms no parser; fuzzing each for a while finds nothing new."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz.parsers import PARSERS

ROOT = Path(__file__).parents[2]
CORPUS = Path(__file__).parent / "corpus"
SEEDS = sorted(path for path in CORPUS.rglob("*") if path.parent != CORPUS)


@pytest.mark.parametrize("seed", SEEDS, ids=lambda seed: f"{seed.parent.name}-{seed.name}")
def test_what_is_kept_harms_nobody(seed):
    PARSERS[seed.parent.name](seed.read_bytes())


@pytest.mark.wide
@pytest.mark.parametrize("parser", PARSERS)
def test_twenty_seconds_find_nothing(parser, tmp_path):
    command = [sys.executable, "-m", "tests.fuzz.run", parser, "--seconds", "20"]
    places = ["--faults", tmp_path / "faults", "--found", tmp_path / "found"]

    run = subprocess.run(
        [*command, *places], cwd=ROOT, capture_output=True, text=True, errors="replace", check=False
    )

    assert run.returncode == 0, run.stderr[-3000:]
    assert "DONE" in run.stderr


@pytest.mark.wide
def test_a_fault_would_be_found_and_kept(tmp_path):
    """By a parser that is wrong on purpose: a check that cannot fail shows nothing."""
    command = [sys.executable, "-m", "tests.fuzz.run", "broken", "--seconds", "60"]
    places = ["--faults", tmp_path, "--module", "tests.fuzz.broken"]

    run = subprocess.run(
        [*command, *places], cwd=ROOT, capture_output=True, text=True, errors="replace", check=False
    )

    assert run.returncode != 0
    assert "ZeroDivisionError" in run.stderr + run.stdout
    assert list(tmp_path.iterdir())
