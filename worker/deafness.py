"""Judging the worker of this container, from beside it.

Once it has been deaf for half a minute it is killed: an unhealthy container is not always started
anew, one that ends is.
"""

import os
import signal
import socket
import time
from contextlib import suppress
from pathlib import Path

from fixative.errors import DatabaseAway, FixativeError
from fixative.postgres.engine import Database
from fixative.recovery.hearing import HOLD_SECONDS, why_deaf
from fixative.settings import load_settings
from fixative.shared import connect

PATIENCE_SECONDS = 4.0


def why_deaf_here(role: str, file: Path) -> str | None:
    """Why the worker of this machine does not hear; None when it does, or nobody knows.

    Raises WrongSetting.
    """
    settings = load_settings()
    database = Database.of(settings, connections=1, patience=PATIENCE_SECONDS)
    redis = connect(settings.redis_url.get_secret_value())
    try:
        return why_deaf(
            f"{role}@{socket.gethostname()}",
            file.stat().st_mtime,
            database=database,
            redis=redis,
        )
    except DatabaseAway:
        return None
    finally:
        redis.close()
        database.close()


def end_if_it_lasts(file: Path, mark: Path, *, deaf: bool, hold: float = HOLD_SECONDS) -> None:
    """Kill the worker whose file this is once every call for so many seconds has found it deaf.

    `mark` is there from the first of these calls to the last.
    """
    if not deaf:
        mark.unlink(missing_ok=True)
    elif not mark.exists():
        mark.touch()
    elif time.time() - mark.stat().st_mtime >= hold:
        pid = int(file.read_text())
        mark.unlink()
        file.unlink()  # the next one begins its own
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def judge(role: str, file: Path, mark: Path) -> str | None:
    """Why this worker is not to be called healthy, if so; ends it where that lasts."""
    try:
        reason = why_deaf_here(role, file)
    except FixativeError as error:
        return f"{role}: {error}"
    end_if_it_lasts(file, mark, deaf=reason is not None)
    return reason and f"{role} is deaf: {reason}"
