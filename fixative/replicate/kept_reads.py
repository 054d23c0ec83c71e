"""What Replicate answered to reads that change seldom, kept in Redis for a minute.

While Redis is away nothing is kept, and nothing found.
"""

import re
from typing import Any

from redis import Redis

from fixative.shared import Shared

KEPT_SECONDS = 60
LARGEST = 2**20  # Redis is small, and has hints to carry
SELDOM = re.compile(
    r"/v1/(?:models/[^/]+/[^/]+(?:/versions(?:/[^/]+)?)?|collections(?:/[^/]+)?|hardware)"
)


class KeptReads:
    """Answers by their paths; all that lies under one model is forgotten at once."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared

    def find(self, path: str) -> bytes | None:
        """The JSON that is kept of a path."""
        if not SELDOM.fullmatch(path):
            return None
        found: Any = self._shared.shared_or_local(
            lambda redis: redis.hget(_key(path), path), lambda: None
        )
        return None if found is None else bytes(found)

    def keep(self, path: str, answer: bytes) -> None:
        """Keep what was answered, if it is of those that change seldom, and small."""
        if not SELDOM.fullmatch(path) or len(answer) > LARGEST:
            return

        def say(redis: Redis) -> None:
            with redis.pipeline() as pipe:
                pipe.hset(_key(path), path, answer)
                pipe.expire(_key(path), KEPT_SECONDS, nx=True)  # from the first one on
                pipe.execute()

        self._shared.shared_or_local(say, lambda: None)

    def forget(self, path: str) -> None:
        """Forget what lies under the same model: somebody has written there."""
        self._shared.shared_or_local(lambda redis: redis.delete(_key(path)), lambda: 0)


def _key(path: str) -> str:
    """Under what it is kept: /v1/models/OWNER/NAME, however the path goes on."""
    return "fixative:kept:" + "/".join(path.split("/")[:5])
