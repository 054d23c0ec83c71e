"""Which worker does not hear: it lives, but what is sent to it is not consumed.

Each one touches a file whenever it consumes something. Worker-io sends the canaries of all, so its
silence may stop them: it is also judged by the ticks that beat sends it every second.

An answer is of one moment. After Redis was away a worker may be late and not deaf, so whoever ends
a process first sees the answer hold for HOLD_SECONDS.
"""

import time

from redis import Redis
from redis.exceptions import RedisError

from fixative.names import KEY_PREFIX, QUEUES_OF_ROLE, UPKEEP
from fixative.postgres.engine import Database
from fixative.postgres.presence import DEAF_SECONDS, canary_age

HOLD_SECONDS = 35.0  # Celery waits up to 30 s between two tries to connect


def why_deaf(
    worker: str,
    heard_at: float,
    *,
    database: Database,
    redis: Redis,
    patience: float = DEAF_SECONDS,
) -> str | None:
    """Why `worker` does not hear; None when it does, or when nobody can know.

    `heard_at`: when it last consumed something, in seconds since 1970. Raises DatabaseAway where
    only a canary could tell.
    """
    silence = time.time() - heard_at
    if silence <= patience:
        return None
    try:
        ticks: int = redis.llen(f"{KEY_PREFIX}{UPKEEP}")
    except RedisError:
        return None  # nothing can be heard
    # Where no tick waits, beat may be away, or another worker takes them.
    if ticks and UPKEEP in QUEUES_OF_ROLE[worker.partition("@")[0]]:
        return f"no tick heard for {silence:.0f} s, while {ticks} wait"
    with database.begin() as session:
        age = canary_age(session, worker)
    late = 0.0 if age is None else silence - age
    return (
        f"its last canary came {late:.0f} s after what it last heard" if late > patience else None
    )
