"""The queues as the broker has them: how long they are, and which are left."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from celery import Celery
from kombu.exceptions import KombuError
from redis import Redis
from redis.exceptions import RedisError

from fixative.errors import BrokerAway
from fixative.names import KEY_PREFIX, QUEUES

FORGOTTEN_SECONDS = 600


class RedisQueues:
    """Lists in Redis, asked of Redis itself: all of them in one round trip."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def lengths(self) -> dict[str, int]:
        """How many messages wait in each queue. Raises BrokerAway."""
        pipe = self._redis.pipeline(transaction=False)
        for queue in QUEUES:
            pipe.llen(f"{KEY_PREFIX}{queue}")
        with _away_as_ours(RedisError):
            return dict(zip(QUEUES, pipe.execute(), strict=True))

    def forget(self, queue: str) -> None:
        """Let it go ten minutes after the last message to it. Raises BrokerAway."""
        with _away_as_ours(RedisError):
            self._redis.expire(f"{KEY_PREFIX}{queue}", FORGOTTEN_SECONDS)


class DeclaredQueues:
    """Queues of any other broker: to declare one that is there tells how long it is."""

    def __init__(self, app: Celery) -> None:
        self._app = app

    def lengths(self) -> dict[str, int]:
        """How many messages wait in each queue. Raises BrokerAway."""
        with self._app.connection_or_acquire() as connection:
            errors = (*connection.connection_errors, *connection.channel_errors, KombuError)
            with _away_as_ours(*errors):
                connection.connect()  # one that was lost is otherwise no connection at all
                with connection.channel() as channel:
                    return {name: self._length(name, channel) for name in QUEUES}

    def forget(self, queue: str) -> None:
        """Do nothing: brokers have policies for queues that nobody uses."""

    def _length(self, name: str, channel: Any) -> int:
        declared: Any = self._app.amqp.queues[name](channel).queue_declare()
        return int(declared.message_count)


@contextmanager
def _away_as_ours(*errors: type[Exception]) -> Iterator[None]:
    try:
        yield
    except errors as error:
        raise BrokerAway(str(error)) from error
