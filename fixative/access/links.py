"""Signed links: whoever has the address of a file may read it, without a key and for good."""

import base64
import hmac
from hashlib import sha256
from typing import Self

from fixative.settings import Settings

PURPOSE = b"fixative link v1\n"
SIGNATURE_BYTES = 16  # 128 bits: beyond guessing, and short in an address


class Links:
    """Signs the paths of files: `/media/JOB/NAME` and `/files/ID`.

    The same path always has the same signature, so that links can be made whenever they are shown;
    another key makes all of them void.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The links of this installation, under a key of their own made from its secret."""
        return cls(_hmac(settings.signing_secret, PURPOSE))

    def sign(self, path: str) -> str:
        """The signature of a path, without its query, as it is before any %-encoding."""
        signature = _hmac(self._key, PURPOSE + path.encode())[:SIGNATURE_BYTES]
        return base64.urlsafe_b64encode(signature).rstrip(b"=").decode()

    def signed(self, path: str) -> str:
        """The path with its signature."""
        return f"{path}?sig={self.sign(path)}"

    def valid(self, path: str, signature: str) -> bool:
        """Whether the signature is this path's; how long that takes tells nothing."""
        return hmac.compare_digest(self.sign(path).encode(), signature.encode())


def _hmac(key: bytes, message: bytes) -> bytes:
    return hmac.new(key, message, sha256).digest()
