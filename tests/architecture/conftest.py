"""What these tests read: the repository itself, and what the worker says of itself."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]

TELL = """
import json
from worker.app import app

app.loader.import_default_modules()
print(json.dumps({"tasks": sorted(app.tasks), "beat": app.conf.beat_schedule}))
"""
ENOUGH_TO_START = {
    "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "S3_BUCKET": "none",
    "REPLICATE_API_TOKEN": "r8_none",
    "FIXATIVE_ADMIN_KEY": "fx_sixteen_or_more",
    "FIXATIVE_DATA_DIR": "/nonexistent",
}


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository."""
    return ROOT


@pytest.fixture(scope="session")
def compose() -> dict[str, Any]:
    """docker-compose.yml, read."""
    read: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return read


@pytest.fixture(scope="session")
def wire_contract() -> str:
    """What the outside relies on, where that page lies beside the repository."""
    page = ROOT.parent / "shared" / "contract.md"
    if not page.exists():
        pytest.skip("no contract.md beside the repository")
    return page.read_text()


@pytest.fixture(scope="session")
def celery() -> dict[str, Any]:
    """The tasks and the beat schedule of `celery -A worker.app`, told by a process of its own."""
    told = subprocess.run(
        [sys.executable, "-c", TELL],
        cwd=ROOT,
        env={**os.environ, **ENOUGH_TO_START},
        capture_output=True,
        text=True,
        check=True,
    )
    answer: dict[str, Any] = json.loads(told.stdout)
    return answer
