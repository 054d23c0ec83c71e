"""The transition table: which status may follow which.

    queued ▶ submitting ▶ starting ▶ processing ▶ storing ▶ succeeded
       ▲─────────┘          any of these ▶ failed | canceled

From `submitting` on, steps may be skipped forward, never back, but for the arrow to `queued`.
A terminal status never moves again, except by an explicit retry (`reopen` in `store.py`).
"""

from fixative.postgres.tables import TERMINAL_STATUSES

FORWARD = ("submitting", "starting", "processing", "storing")
NEEDS_REVIEW = "needs_review"  # what a job waits for that a person has to look at

NEXT: dict[str, frozenset[str]] = {
    "queued": frozenset({"submitting", "failed", "canceled"}),
    **{
        status: frozenset({*FORWARD[place + 1 :], "failed", "canceled"})
        for place, status in enumerate(FORWARD)
    },
    **{status: frozenset() for status in TERMINAL_STATUSES},
}
NEXT["submitting"] |= {"queued"}
NEXT["storing"] |= {"succeeded"}  # and from nowhere else: every original is in the bucket first


def sources(to: str) -> frozenset[str]:
    """The statuses from which a job may move to `to`."""
    return frozenset(status for status, following in NEXT.items() if to in following)


def is_terminal(status: str) -> bool:
    """Whether a job of this status is finished."""
    return status in TERMINAL_STATUSES
