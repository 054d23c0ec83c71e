"""A secret that lies in a file, and one that lies at AWS."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.aws import Stores, aws_stores


@pytest.fixture(scope="session")
def stores() -> Iterator[Stores]:
    """AWS's stores."""
    with aws_stores() as served:
        yield served


@pytest.fixture
def aws(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> Stores:
    """The same, where this process looks for them."""
    for name, value in stores.variables.items():
        monkeypatch.setenv(name, value)
    return stores


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where a secret lies."""
    return tmp_path / "secret"
