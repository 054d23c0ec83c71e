"""What a process gives again for a while."""

import pytest

from api.recent import Recent


@pytest.fixture
def clock():
    return [100.0]


@pytest.fixture
def recent(clock):
    return Recent(most=2, seconds=10, clock=lambda: clock[0])


def test_what_was_kept_is_found_until_its_time_is_over(recent, clock):
    recent.keep("a", 1)
    assert (recent.find("a"), recent.find("b")) == (1, None)

    clock[0] += 9
    assert recent.find("a") == 1
    clock[0] += 1
    assert recent.find("a") is None


def test_where_there_is_no_room_all_else_is_forgotten(recent):
    for key in "abc":
        recent.keep(key, key)

    assert [recent.find(key) for key in "abc"] == [None, None, "c"]
