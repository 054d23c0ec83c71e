"""Publishers to whichever broker a test has."""

import sys

import pytest

from fixative.settings import load_settings
from worker.publisher import Publisher


@pytest.fixture
def new_publisher(environ, monkeypatch):
    """Make one of the test's settings and these."""

    def make(**more):
        for name, value in {**environ, **more}.items():
            monkeypatch.setenv(name, value)  # Celery's own settings are read from there
        return Publisher(load_settings())

    yield make
    for module in ("celeryconfig", "beat_schedule"):
        sys.modules.pop(module, None)
