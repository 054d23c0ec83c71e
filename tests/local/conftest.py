import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fixative.local.data_dir import DataDir, open_data_dir

DEADLINE = 30


@pytest.fixture
def until() -> Callable[[Callable[[], object]], None]:
    """Come back when the condition is true; fail when it never becomes so."""

    def wait(condition: Callable[[], object]) -> None:
        give_up = time.monotonic() + DEADLINE
        while not condition():
            assert time.monotonic() < give_up, "it never came true"
            time.sleep(0.02)

    return wait


@pytest.fixture
def alive() -> Callable[[int], bool]:
    def is_alive(pid: int) -> bool:
        command = ["ps", "-o", "stat=", "-p", str(pid)]
        state = subprocess.run(command, capture_output=True, text=True, check=False)
        return state.stdout.strip()[:1] not in {"", "Z"}

    return is_alive


@pytest.fixture
def data_dir(tmp_path: Path) -> Iterator[DataDir]:
    with open_data_dir(tmp_path / "data") as opened:
        yield opened
