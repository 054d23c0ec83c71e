"""How a create that did not succeed is counted; above all, whether it may have happened."""

from dataclasses import dataclass

from fixative.errors import BucketError, InvalidRequest, NotSent, Refused, ReplicateError

MAY_HAVE_ARRIVED = frozenset({408, 409, 425})
TOKEN = frozenset({401, 403})
CREDIT = 402
UNPROCESSABLE = 422
THROTTLED = 429
SERVER_ERRORS = 500

# Replicate's, or what came before: its input could not be made ready.
Obstacle = ReplicateError | BucketError | InvalidRequest


@dataclass(frozen=True)
class Outcome:
    """What an attempt ended as, and why.

    `waiting` is the reason the job then waits for, `seconds` how long at least, where told.
    """

    outcome: str
    error: str
    waiting: str | None = None
    seconds: float | None = None
    code: str = "rejected"  # of the job's error, where the job fails for it


def outcome_of(error: Obstacle) -> Outcome:  # noqa: PLR0911 - one line a row of the table
    """The row of the outcome table that this error belongs to."""
    if isinstance(error, InvalidRequest):
        return Outcome("rejected", f"{error.field}: {error}", code="invalid_input")
    if isinstance(error, NotSent | BucketError):
        return Outcome("not_sent", str(error), waiting="upstream")
    if not isinstance(error, Refused):
        return Outcome("unknown", str(error))
    if error.status in MAY_HAVE_ARRIVED or error.status >= SERVER_ERRORS:
        return Outcome("unknown", str(error))
    if error.status == THROTTLED:
        return Outcome("throttled", str(error), waiting="pace", seconds=error.retry_after)
    if error.status in TOKEN:
        return Outcome("held", str(error), waiting="token")
    if error.status == CREDIT:
        return Outcome("held", str(error), waiting="credit")
    if error.status == UNPROCESSABLE and error.detail.startswith("- input"):
        return Outcome("rejected", str(error), code="invalid_input")
    return Outcome("rejected", str(error))
