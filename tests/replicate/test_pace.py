"""The pace script on a real Valkey, and each process's share while Valkey is away."""

import secrets
import time
from datetime import UTC, datetime

import pytest

from fixative.replicate.pace import FAILURES_TO_OPEN, Pace, PaceState
from fixative.replicate.throttling import LearnedPace, learned_pace, retry_after
from fixative.shared import Shared, connect

LOW_CREDIT = (
    "Request was throttled. Your rate limit for creating predictions is reduced to 6 requests per"
    " minute with a burst of 1 requests while you have less than $5.0 in credit. Your rate limit"
    " resets in ~5s."
)


@pytest.fixture
def shared(servers):
    made = Shared(connect(servers["REDIS_URL"]))
    yield made
    made.close()


@pytest.fixture
def pace(shared):
    """Ten a second."""
    return Pace(shared, secrets.token_hex(4), 600)


def test_a_burst_is_one_seconds_worth_and_then_the_pace(shared, eventually):
    pace = Pace(shared, secrets.token_hex(4), 120)
    assert pace.take(100).granted == 2
    refused = pace.take()
    assert refused.granted == 0
    assert 0 < refused.wait_seconds <= 0.5
    assert eventually(lambda: pace.take().granted) == 1


def test_over_time_the_pace_is_kept_but_not_exceeded(pace):
    pace.take(100)
    began, granted = time.monotonic(), 0
    while time.monotonic() - began < 3:
        granted += pace.take(5).granted

    assert granted <= (time.monotonic() - began) * 10 + 1
    assert granted >= 12


def test_a_throttling_answer_stops_all_processes_and_then_lets_one_through(pace, eventually):
    pace.throttled(2, None)

    assert pace.take().granted == 0
    assert eventually(lambda: pace.take(10).granted) == 1


def test_a_pace_told_by_replicate_is_kept_by_all(shared, eventually):
    name = secrets.token_hex(4)
    mine, theirs = Pace(shared, name, 600), Pace(shared, name, 600)

    mine.throttled(2, LearnedPace(6, 1))

    assert theirs.take().granted == 0
    assert theirs.take().wait_seconds <= 2
    assert eventually(lambda: theirs.take(5).granted) == 1
    assert 5 < theirs.take().wait_seconds <= 10


def test_failures_in_a_row_open_the_breaker_and_a_success_closes_it(pace):
    for _ in range(FAILURES_TO_OPEN):
        pace.failed()
    assert (pace.take().granted, pace.take().reason) == (0, "breaker")

    pace.succeeded()
    assert pace.take().granted == 1


def test_a_success_between_failures_keeps_the_breaker_closed(pace):
    for _ in range(FAILURES_TO_OPEN):
        pace.failed()
        pace.succeeded()

    assert pace.take().granted == 1


def test_a_throttling_answer_is_an_answer_so_the_breaker_lets_go(pace, eventually):
    for _ in range(FAILURES_TO_OPEN):
        pace.failed()
    assert pace.take().reason == "breaker"

    pace.throttled(2, None)

    assert pace.take().reason == "pace"
    assert eventually(lambda: pace.take().granted) == 1


def test_after_a_hold_one_call_goes_out_to_test(pace, shared):
    pace.hold("token")
    assert pace.take().reason == "token"

    [key] = shared.redis.keys(f"fixative:pace:{pace.kind}:*")
    shared.redis.hset(key, "closed_until", time.time() - 1)

    assert pace.take(10).granted == 1
    assert pace.take(10).granted == 0
    pace.succeeded()
    assert pace.take(5).granted == 5


def test_while_redis_is_away_a_process_keeps_to_a_quarter():
    nobody = Shared(connect("redis://127.0.0.1:9"))
    pace = Pace(nobody, "x", 6000)

    assert pace.take(100).granted == 25
    assert pace.take().granted == 0
    assert nobody.away
    pace.throttled(60, None)
    assert pace.take().wait_seconds > 50


@pytest.mark.parametrize(
    ("problem", "headers", "seconds"),
    [
        ({"detail": "… resets in ~30s."}, {}, 30),
        ({"detail": LOW_CREDIT, "retry_after": 5}, {}, 5),
        ({"detail": "Expected available in 1 second."}, {}, 1),
        ({"detail": "slow down"}, {"retry-after": "7"}, 7),
        ({"detail": "slow down"}, {"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}, None),
        ({}, {}, None),
    ],
)
def test_when_to_come_back_is_read_from_wherever_it_stands(problem, headers, seconds):
    assert retry_after(problem, headers) == seconds


def test_a_reduced_pace_is_read_from_the_answer():
    assert learned_pace(LOW_CREDIT) == LearnedPace(6, 1)
    assert learned_pace("Request was throttled.") is None


def test_everybody_can_read_the_state_that_all_keep_to(shared):
    name = secrets.token_hex(4)
    mine, theirs = Pace(shared, name, 600), Pace(shared, name, 600)
    assert theirs.state() == PaceState(600, None, None, None, 0)

    mine.throttled(0, LearnedPace(6, 1))
    for _ in range(FAILURES_TO_OPEN):
        mine.failed()

    state = theirs.state()
    assert (state.per_minute, state.learned_per_minute) == (600, 6)
    assert (state.closed_reason, state.failures) == ("breaker", FAILURES_TO_OPEN)
    assert 0 < (state.closed_until - datetime.now(UTC)).total_seconds() <= 60

    mine.succeeded()
    assert theirs.state() == PaceState(600, 6, None, None, 0)


def test_the_state_is_unknown_while_redis_is_away():
    away = Shared(connect("redis://127.0.0.1:1"))

    assert Pace(away, "nobody", 600).state() is None
