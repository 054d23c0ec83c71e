"""A broker that is not Redis: hints go there, its queues are counted, and its silence is known."""

import importlib
import socket
import sys

import pytest
from redis import Redis

from fixative.errors import BrokerAway
from fixative.names import CREATE_PREDICTION, QUEUES, Hint

pytestmark = pytest.mark.wide

HINT = Hint(CREATE_PREDICTION, {"job_id": "x"})


@pytest.fixture
def silent_url():
    with socket.create_server(("127.0.0.1", 0), backlog=500) as listening:
        yield f"amqp://guest:guest@127.0.0.1:{listening.getsockname()[1]}//"


def test_hints_lie_in_its_queues_and_are_counted_there(new_publisher):
    publisher = new_publisher(CELERY_BROKER_URL="memory://")
    publisher.publish([HINT] * 3)

    assert publisher.queue_lengths() == {**dict.fromkeys(QUEUES, 0), HINT.queue: 3}


def test_it_may_be_a_second_redis(new_publisher, environ):
    first = environ["REDIS_URL"]
    assert first.endswith("/0")
    publisher = new_publisher(CELERY_BROKER_URL=f"{first[:-1]}1")
    publisher.publish([HINT])

    assert publisher.queue_lengths()[HINT.queue] == 1
    with Redis.from_url(first) as redis:
        assert redis.keys("fixative:*") == []


def test_a_worker_s_own_patience_with_it_stays_as_configured(new_publisher, environ):
    for url, waits in ((environ["REDIS_URL"], 15), ("memory://", None)):
        new_publisher(CELERY_BROKER_URL=url)
        configured = importlib.import_module("celeryconfig").broker_transport_options

        assert configured.get("socket_timeout") == waits
        assert "max_retries" not in configured
        sys.modules.pop("celeryconfig")


def test_one_that_refuses_holds_nobody_up_and_its_queues_are_unknown(new_publisher):
    publisher = new_publisher(CELERY_BROKER_URL="amqp://guest:guest@127.0.0.1:1//")
    publisher.publish([HINT] * 100)

    assert not publisher.send_canary("worker-io@here")
    with pytest.raises(BrokerAway):
        publisher.queue_lengths()


def test_a_hundred_hints_to_one_that_says_nothing_take_one_time_out(new_publisher, silent_url):
    publisher = new_publisher(CELERY_BROKER_URL=silent_url)

    publisher.publish([HINT] * 100)

    with pytest.raises(BrokerAway):
        publisher.queue_lengths()
