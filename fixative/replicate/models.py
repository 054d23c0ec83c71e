"""Models: how a job's words name a target that Replicate accepts."""

import threading
import time

from fixative.errors import NoAnswer, NotSent
from fixative.replicate.client import Replicate
from fixative.replicate.target import Target

REMEMBER_SECONDS = 300.0


class Models:
    """Looks a model up when it must, and remembers the answer for five minutes."""

    def __init__(self, replicate: Replicate) -> None:
        self._replicate = replicate
        self._known: dict[str, tuple[float, Target]] = {}
        self._lock = threading.Lock()

    def target_of(self, model: str | None, version: str | None, deployment: str | None) -> Target:
        """What to POST to: an official model by its name, any other at its latest version.

        Raises NotSent, NoAnswer or Refused (404: there is no such model).
        """
        if version or deployment or model is None:
            return Target(model, version, deployment)
        with self._lock:
            looked_up_at, known = self._known.get(model, (0.0, None))
        if known is None or time.monotonic() - looked_up_at > REMEMBER_SECONDS:
            try:
                known = self._look_up(model)
            except (NotSent, NoAnswer):
                if known is None:
                    raise
            with self._lock:
                self._known[model] = (time.monotonic(), known)
        return known

    def _look_up(self, model: str) -> Target:
        owner, _, name = model.partition("/")
        answer = self._replicate.model(owner, name)
        latest = answer.get("latest_version") or {}
        if answer.get("is_official") or not latest.get("id"):
            return Target(model)
        return Target(model, str(latest["id"]))
