"""Limits while Redis is away: each process counts by itself."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from fixative.access.limits import Limits
from fixative.shared import Shared, connect

THREADS, TIMES = 16, 200


@pytest.fixture
def limits():
    nobody = Shared(connect("redis://127.0.0.1:1"))
    yield Limits(nobody, "key", per_minute=None, per_hour=1_000_000)
    nobody.close()


def test_of_many_threads_at_once_each_request_is_counted_against_half_the_limit(limits):
    def count(_):
        return [limits.count("gallery").allowed for _ in range(TIMES)]

    with ThreadPoolExecutor(THREADS) as threads:
        allowed = [each for told in threads.map(count, range(THREADS)) for each in told]

    assert allowed == [True] * THREADS * TIMES
    assert limits.count("gallery").remaining == 500_000 - THREADS * TIMES - 1
