"""Waiting for what comes in its own time."""

import time
from collections.abc import Callable
from typing import Any

PATIENCE = 60.0


def waited_for(condition: Callable[[], Any], *, patience: float = PATIENCE, pause: float) -> Any:
    """What the condition found once it held; after each pause it is asked again.

    Fails when it does not hold within `patience` seconds.
    """
    deadline = time.monotonic() + patience
    while not (found := condition()):
        assert time.monotonic() < deadline, f"not within {patience} s"
        time.sleep(pause)
    return found
