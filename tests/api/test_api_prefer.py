"""What is read of a Prefer header."""

import pytest

from api.prefer import wait_seconds


@pytest.mark.parametrize(
    ("prefer", "seconds"),
    [
        ("wait=5", 5),
        ("wait=60", 60),
        ("Wait = 7", 7),
        ('wait="9"', 9),
        ("wait=5; of=ours", 5),
        ("respond-async, wait=10", 10),
        ('to="a, wait=3", wait=4', 4),
        ("wait=3, wait=9", 3),
        ("wait=600", 60),
    ],
)
def test_the_seconds_that_a_client_would_wait_are_read_and_bounded(prefer, seconds):
    assert wait_seconds(prefer) == seconds


@pytest.mark.parametrize(
    "prefer",
    [
        *(None, "", "wait", "wait=", "wait=0", "wait=-1", "wait=1.5", "wait=x", "wait=1 2"),
        *("await=3", "wait=x, wait=3", "handling=lenient", ",,", '"', "wait=" + "9" * 99),
    ],
    ids=str,
)
def test_what_makes_no_sense_is_passed_over(prefer):
    assert wait_seconds(prefer) is None
