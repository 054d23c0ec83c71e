"""Identifiers in the shapes Replicate gives them.

They come from the system's randomness and not from the seeded dice: a restarted emulator must
never hand out an id for the second time.
"""

import hashlib
import os
from base64 import b32encode

_CROCKFORD = bytes.maketrans(
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", b"0123456789abcdefghjkmnpqrstvwxyz"
)
_SECRET = os.urandom(32)
_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def resource_id() -> str:
    """26 characters of lower-case Crockford base32, as predictions and files have."""
    return b32encode(os.urandom(20)).translate(_CROCKFORD)[:26].decode()


def message_id() -> str:
    """A webhook's id: `msg_` and 27 characters of base62."""
    return "msg_" + "".join(_BASE62[byte % 62] for byte in os.urandom(27))


def stream_key(prediction_id: str) -> str:
    """What opens a prediction's stream: its id, and what cannot be known from that."""
    mark = hashlib.blake2b(prediction_id.encode(), key=_SECRET, digest_size=16)
    return f"{prediction_id}-{mark.hexdigest()}"
