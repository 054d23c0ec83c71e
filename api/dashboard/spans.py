"""A job's life drawn to scale: how long it was in each state, and what happened when."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any


@dataclass(frozen=True)
class Span:
    """A time in one state; `begin` and `share` are thousandths of the whole."""

    status: str
    seconds: float
    begin: float
    share: float


def spans_of(items: Sequence[dict[str, Any]], *, ended: bool) -> list[Span]:
    """The spans between a timeline's moves; the last goes on until now unless the job ended."""
    moves = [item for item in items if item["kind"] == "transition"]
    ends = [move["at"] for move in moves[1:]]
    if not ended:
        ends.append(datetime.now(UTC))
    if not ends:
        return []
    first = moves[0]["at"]
    whole = max((ends[-1] - first).total_seconds(), 0.001)
    return [
        Span(
            status=move["to"],
            seconds=(end - move["at"]).total_seconds(),
            begin=1000 * (move["at"] - first).total_seconds() / whole,
            share=1000 * (end - move["at"]).total_seconds() / whole,
        )
        for move, end in zip(moves, ends, strict=False)
    ]
