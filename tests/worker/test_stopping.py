"""A worker that is told to end while it begins."""

import pytest

from worker.app import Worker


@pytest.fixture
def worker(environ, monkeypatch):
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    made = Worker("of-the-test")
    yield made
    made.services().close()


def test_long_tasks_stop_also_where_the_signal_comes_before_the_first(worker):
    worker.stop_long_tasks()

    assert worker.services().stopping.is_set()
