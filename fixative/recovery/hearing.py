"""Which worker does not hear: it lives, but what is sent to it is not consumed.

Each one touches a file whenever it consumes something. Worker-io sends the canaries of all, so its
silence would stop them: it is judged by the ticks that beat sends it every second.
"""

import time

from fixative.names import QUEUES_OF_ROLE, UPKEEP
from fixative.postgres.engine import Database
from fixative.postgres.presence import DEAF_SECONDS, last_canary


def why_deaf(
    worker: str,
    heard_at: float,
    *,
    database: Database,
    redis_answers_for: float,
    patience: float = DEAF_SECONDS,
) -> str | None:
    """Why `worker` is to be started anew; None when it hears, or when nobody can know.

    `heard_at`: when it last consumed something, in seconds since 1970. `redis_answers_for`: for
    how many seconds Redis has answered without a break. Raises DatabaseAway for whom canaries
    judge.
    """
    if UPKEEP in QUEUES_OF_ROLE[worker.partition("@")[0]]:
        silence = time.time() - heard_at
        if min(silence, redis_answers_for) <= patience:
            return None
        return f"no tick heard for {silence:.0f} s, while Redis answers"
    with database.begin() as session:
        sent_at = last_canary(session, worker)
    late = sent_at.timestamp() - heard_at if sent_at else 0.0
    return (
        f"its last canary came {late:.0f} s after what it last heard" if late > patience else None
    )
