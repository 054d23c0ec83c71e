"""A Redis that says nothing, or is not there, holds nobody up: neither hints nor what is shared."""

import os
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from redis import Redis

from fixative.names import CREATE_PREDICTION, QUEUES, Hint
from fixative.shared import Shared, connect

HINT = Hint(CREATE_PREDICTION, {"job_id": "x"})
MANY = 320  # the threads of an API process


@pytest.fixture
def silent_url():
    with socket.create_server(("127.0.0.1", 0), backlog=500) as listening:
        yield f"redis://127.0.0.1:{listening.getsockname()[1]}/0"


@contextmanager
def stopped(redis_url):
    with Redis.from_url(redis_url) as redis:
        pid = redis.info("server")["process_id"]
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def slowest(publish):
    """The seconds of the slowest of many that publish at once."""

    def one(_):
        began = time.monotonic()
        publish([HINT])
        return time.monotonic() - began

    with ThreadPoolExecutor(MANY) as threads:
        return max(threads.map(one, range(MANY)))


def test_a_hundred_hints_to_a_broker_that_says_nothing_take_one_time_out(new_publisher, silent_url):
    publisher = new_publisher(REDIS_URL=silent_url)
    began = time.monotonic()

    publisher.publish([HINT] * 100)

    assert time.monotonic() - began < 15  # one each would take thirty seconds


def test_many_at_once_wait_for_one_time_out_together(new_publisher, environ, eventually):
    publisher = new_publisher()
    publisher.publish([HINT])
    with stopped(environ["REDIS_URL"]):
        assert any(slowest(publisher.publish) < 1.5 for _ in range(3))

    def hinted():
        before = sum(publisher.queue_lengths().values())
        publisher.publish([HINT])
        return sum(publisher.queue_lengths().values()) > before

    eventually(hinted)
    assert set(publisher.queue_lengths()) == set(QUEUES)


def test_what_is_shared_is_done_alone_after_one_time_out(silent_url):
    shared = Shared(connect(silent_url))
    began = time.monotonic()

    found = [shared.shared_or_local(lambda redis: redis.get("x"), lambda: "own") for _ in range(90)]

    assert found == ["own"] * 90
    assert shared.away
    assert time.monotonic() - began < 13  # one time-out each would take twice as long
    shared.close()


def test_a_broker_that_refuses_is_not_waited_for(new_publisher):
    def first_hint():
        publisher = new_publisher(REDIS_URL="redis://127.0.0.1:1/0")
        began = time.monotonic()
        publisher.publish([HINT])
        return time.monotonic() - began

    # Two seconds each time, if it were tried again.
    assert any(first_hint() < 1.5 for _ in range(3))


def test_a_hint_that_cannot_be_written_harms_nobody(new_publisher, eventually):
    publisher = new_publisher()
    publisher.publish([Hint(CREATE_PREDICTION, {"job_id": object()})])

    def sent():
        publisher.publish([HINT])
        return publisher.queue_lengths()["submit"] > 0

    eventually(sent)
