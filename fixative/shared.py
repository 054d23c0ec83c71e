"""What processes share through Redis, and what each does alone while Redis is away."""

import time
from collections.abc import Callable
from typing import TypeVar

import structlog
from redis import Redis
from redis.exceptions import RedisError

ANSWER_SECONDS = 0.3
REST_SECONDS = 2.0

Result = TypeVar("Result")

log = structlog.get_logger(__name__)


def connect(url: str) -> Redis:
    """A client that gives up after 0.3 s for connecting and for each read and write."""
    return Redis.from_url(
        url,
        socket_connect_timeout=ANSWER_SECONDS,
        socket_timeout=ANSWER_SECONDS,
        client_name="fixative",
        retry=None,
    )


class Shared:
    """Redis for one process, with a rest after a failure so that nobody waits twice."""

    def __init__(self, redis: Redis) -> None:
        self.redis = redis
        self._away_until = 0.0

    def close(self) -> None:
        """Close the connections that are idle."""
        self.redis.close()

    @property
    def away(self) -> bool:
        """Whether Redis failed less than two seconds ago."""
        return time.monotonic() < self._away_until

    def shared_or_local(
        self, shared: Callable[[Redis], Result], local: Callable[[], Result]
    ) -> Result:
        """`shared(redis)`, or `local()` while Redis is away."""
        if self.away:
            return local()
        try:
            return shared(self.redis)
        except RedisError as error:
            self._away_until = time.monotonic() + REST_SECONDS
            log.warning("redis_away", error=str(error))
            return local()
