"""The digest: an export in one line, so that before and after can be compared at a glance."""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256

VERSION = 1


@dataclass(frozen=True)
class Digest:
    """How many jobs there are, and the SHA-256, in hex, over those of their lines."""

    jobs: int
    sha256: str

    def __str__(self) -> str:
        return f"fixative-digest v{VERSION} {self.jobs} {self.sha256}"


def digest_of(lines: Iterable[str]) -> Digest:
    """The digest of an export's lines, which come in the order of ids. Takes no memory."""
    jobs, whole = 0, sha256()
    for line in lines:
        jobs += 1
        whole.update(sha256(line.encode("ascii")).digest())
    return Digest(jobs, whole.hexdigest())
