"""What a 429 tells: when to come back, and at what pace."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

RESETS_IN = re.compile(r"(?:resets in|available in) ~?(\d+(?:\.\d+)?)\s*s")
REDUCED_TO = re.compile(r"(\d+) requests? per minute with a burst of (\d+)")


@dataclass(frozen=True)
class LearnedPace:
    """The pace that an answer named: creates a minute, and how many at once."""

    per_minute: float
    burst: int


def retry_after(problem: Mapping[str, Any], headers: Mapping[str, str]) -> float | None:
    """Seconds until the next try: the body's word first, then the header, then the sentence."""
    for value in (problem.get("retry_after"), headers.get("retry-after")):
        try:
            return float(value)  # type: ignore[arg-type]
        except (TypeError, ValueError):
            continue
    found = RESETS_IN.search(str(problem.get("detail")))
    return float(found[1]) if found else None


def learned_pace(detail: str) -> LearnedPace | None:
    """The reduced pace that a low-credit answer spells out (recorded in August 2026)."""
    found = REDUCED_TO.search(detail)
    return LearnedPace(float(found[1]), int(found[2])) if found else None
