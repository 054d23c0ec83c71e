"""DATA_DIR/logs/ROLE.log: what a process writes, bounded at two files of 10 MB a role."""

import shutil
from pathlib import Path
from typing import BinaryIO

LIMIT_BYTES = 10 * 2**20


def open_log(path: Path) -> BinaryIO:
    """The log, to be handed to a process that appends to it."""
    trim(path)
    return path.open("ab")


def trim(path: Path) -> None:
    """Begin anew when the log is large, keeping what it had in `ROLE.log.1`.

    A process that has it open goes on in the emptied file: all of them only append.
    """
    if path.exists() and path.stat().st_size > LIMIT_BYTES:
        shutil.copyfile(path, path.with_suffix(".log.1"))
        with path.open("r+b") as log:
            log.truncate()


def last_line(path: Path) -> str:
    """The end of the log, for a message that has room for one line."""
    lines = path.read_text(errors="replace").strip().splitlines() if path.exists() else []
    return lines[-1] if lines else "it wrote nothing"
