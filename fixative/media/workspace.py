"""Where files lie while they are decoded: a directory that goes when the work ends."""

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PREFIX = "fixative-derive-"
ABANDONED_SECONDS = 3600  # far more than a run may last


@contextmanager
def workspace() -> Iterator[Path]:
    """An empty directory of one's own, for the block."""
    with tempfile.TemporaryDirectory(prefix=PREFIX) as made:
        yield Path(made)


def remove_abandoned() -> None:
    """Remove the directories of processes that were killed in the middle of their work."""
    for found in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        try:
            old = time.time() - found.stat().st_mtime > ABANDONED_SECONDS
        except FileNotFoundError:  # it has just ended
            continue
        if old:
            shutil.rmtree(found, ignore_errors=True)
