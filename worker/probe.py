"""`python -m worker.probe`, for containers: exit 1 and one line when this one's worker is deaf.

The worker is named by ROLE, its file by FIXATIVE_HEARD_FILE.
"""

import os
import socket
import sys
from pathlib import Path

from redis.exceptions import RedisError

from fixative.errors import DatabaseAway, FixativeError
from fixative.postgres.engine import Database
from fixative.postgres.presence import DEAF_SECONDS
from fixative.recovery.hearing import why_deaf
from fixative.settings import load_settings
from fixative.shared import connect

PATIENCE_SECONDS = 4.0


def probe(role: str, file: Path, *, patience: float = DEAF_SECONDS) -> str | None:
    """Why the worker of this machine is to be started anew; None when it hears, or nobody knows.

    Raises WrongSetting.
    """
    if not file.exists():
        return "it has not begun to listen"
    settings = load_settings()
    database = Database(settings.sqlalchemy_url, connections=1, patience=PATIENCE_SECONDS)
    redis = connect(settings.redis_url.get_secret_value())
    try:
        redis.ping()
        answers_for = float("inf")
    except RedisError:
        answers_for = 0.0
    try:
        return why_deaf(
            f"{role}@{socket.gethostname()}",
            file.stat().st_mtime,
            database=database,
            redis_answers_for=answers_for,
            patience=patience,
        )
    except DatabaseAway:
        return None
    finally:
        redis.close()
        database.close()


def main() -> None:
    """Judge, and exit."""
    role = os.environ["ROLE"]
    try:
        reason = probe(role, Path(os.environ["FIXATIVE_HEARD_FILE"]))
    except FixativeError as error:
        reason = str(error)
    sys.exit(f"{role} is deaf: {reason}" if reason else 0)


if __name__ == "__main__":
    main()
