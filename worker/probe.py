"""`python -m worker.probe`, for containers: exit 1 and one line when this one's worker is deaf.

The worker is named by ROLE, its file by FIXATIVE_HEARD_FILE. It is asked every few seconds of every
worker: one that heard something lately is healthy, and no library is imported to say so.
"""

import os
import sys
import time
from pathlib import Path

LATELY_SECONDS = 60.0  # two canaries; who is silent for longer is not yet deaf, but looked at


def main() -> None:
    """Judge, end what stays deaf, and exit."""
    role, file = os.environ["ROLE"], Path(os.environ["FIXATIVE_HEARD_FILE"])
    if not file.exists():
        sys.exit(f"{role} has not begun to listen")
    mark = file.with_suffix(".deaf")  # from one call to the next, since when it is
    if time.time() - file.stat().st_mtime < LATELY_SECONDS:
        mark.unlink(missing_ok=True)
        return
    from worker.deafness import judge  # what that imports takes a second of CPU

    sys.exit(judge(role, file, mark))


if __name__ == "__main__":
    main()
