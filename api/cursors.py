"""Cursors of lists: the id that the next page begins after, as text that says nothing."""

import base64
import binascii
import uuid

from fixative.errors import InvalidRequest


def write_cursor(last: uuid.UUID) -> str:
    """`next` of a page that ends with this id."""
    return base64.urlsafe_b64encode(last.bytes).decode().rstrip("=")


def read_cursor(cursor: str | None) -> uuid.UUID | None:
    """The id that it was written from. Raises InvalidRequest when it is none of ours."""
    if cursor is None:
        return None
    try:
        return uuid.UUID(bytes=base64.b64decode(cursor + "==", altchars="-_", validate=True))
    except (binascii.Error, ValueError):
        raise InvalidRequest("cursor", "not the `next` of a page") from None
