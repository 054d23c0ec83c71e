"""Every error this product raises on purpose: what it means, and whether trying again can help."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


class FixativeError(Exception):
    """Something this product expects can go wrong."""

    retryable: ClassVar[bool] = False


class WrongSetting(FixativeError):
    """A variable is missing or wrong; the message names it."""


class NotFound(FixativeError):
    """No such thing, or not yours: callers cannot tell which."""


class Gone(FixativeError):
    """It was there, and has been deleted."""


class Conflict(FixativeError):
    """What was asked contradicts what is already there."""


class OverBudget(FixativeError):
    """What was asked for may cost more than is left; the message names the budget."""


class InvalidRequest(FixativeError):
    """A request that does not fit; `field` names the place."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True)
class Misfit:
    """One place of a request that does not fit."""

    loc: tuple[str | int, ...]
    msg: str
    type: str


class InvalidInput(FixativeError):
    """An input that its model does not take; each of the places is named."""

    def __init__(self, misfits: Sequence[Misfit]) -> None:
        super().__init__("; ".join(f"{'.'.join(map(str, m.loc))}: {m.msg}" for m in misfits))
        self.misfits = misfits


class Corrupt(FixativeError):
    """Something written by us, or said to be, that cannot be read; the message says why."""


class RecordRefused(FixativeError):
    """A record that may not be read, or not be believed: where it lies, what it is, whose it is."""


class RecordsAway(FixativeError):
    """OUTPUT_DIR did not take a record, or did not give one, this time."""

    retryable = True


class DatabaseAway(FixativeError):
    """Postgres does not answer, or has no connection free, in time."""

    retryable = True


class BrokerAway(FixativeError):
    """What carries hints does not answer: rows wait for the sweep."""

    retryable = True


class BadSignature(FixativeError):
    """A webhook that is unsigned, stale, or signed by somebody else."""


class TokenRefused(FixativeError):
    """A token that opens nothing; why is for the log only."""


class SigningKeysAway(FixativeError):
    """Whether a token is good cannot be said: its issuer does not tell its keys."""

    retryable = True


class LostLease(FixativeError):
    """Another worker has taken this row; what we were about to do is no longer ours to do."""


class WorkerLost(FixativeError):
    """The process that did this died of it, each time."""


class MalformedPrediction(FixativeError):
    """Replicate sent something that is not a prediction."""


class ReplicateError(FixativeError):
    """Replicate did not do what we asked this time."""

    retryable = True


class NotSent(ReplicateError):
    """No connection was made, so Replicate cannot have seen the request."""


class NoAnswer(ReplicateError):
    """The request may have arrived, but no whole answer came back."""


class Refused(ReplicateError):
    """Replicate answered with an error status.

    `retry_after` is in seconds, where the answer named a time.
    """

    def __init__(self, status: int, detail: str, *, retry_after: float | None = None) -> None:
        super().__init__(f"{status}: {detail}")
        self.status = status
        self.detail = detail
        self.retry_after = retry_after


class OutputError(FixativeError):
    """An output file could not be made ours. `code` is the job's error code when it stays so."""

    code: ClassVar[str] = "internal"


class OutputUnreachable(OutputError):
    """The file's host did not give the whole file this time."""

    retryable = True
    code = "output_unreachable"


class OutputForbidden(OutputError):
    """The file lies where we are not allowed to fetch from."""

    code = "output_unreachable"


class OutputExpired(OutputError):
    """Replicate has already deleted the file."""

    code = "output_expired"


class OutputTooLarge(OutputError):
    """The file is larger than FIXATIVE_MAX_OUTPUT_BYTES."""

    code = "output_too_large"


class OutputNotStored(OutputError):
    """Something that nobody foresaw came between."""

    retryable = True


class NotTold(FixativeError):
    """A subscriber did not take what it was told; the message says why."""

    retryable = True


class NoDecoder(FixativeError):
    """The process that decodes files does not start."""

    retryable = True


class NotDecodable(FixativeError):
    """Nothing can be derived from a file; the message is for its owner, `detail` for us."""

    def __init__(self, reason: str, detail: str | None = None) -> None:
        super().__init__(reason)
        self.detail = detail


class BucketError(FixativeError):
    """The bucket did not do what we asked."""

    retryable = True
