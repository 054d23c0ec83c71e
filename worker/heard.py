"""What a worker hears, told to whoever judges it: the time of a file, and whose it is."""

import os
from pathlib import Path

import structlog

log = structlog.get_logger(__name__)


def begin_to_hear() -> None:
    """Write our number into the file that FIXATIVE_HEARD_FILE names, if any. Raises OSError."""
    path = os.environ.get("FIXATIVE_HEARD_FILE")
    if path:
        Path(path).write_text(str(os.getpid()))


def heard() -> None:
    """Touch that file: this worker consumes its queues."""
    path = os.environ.get("FIXATIVE_HEARD_FILE")
    if path:
        try:
            Path(path).touch()
        except OSError as error:
            log.warning("heard_not_told", path=path, error=str(error))
