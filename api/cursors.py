"""Pages of lists, and their cursors: the id that the next page begins after, as opaque text."""

import base64
import binascii
import uuid
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

from fixative.errors import InvalidRequest


class Row(Protocol):
    """What stands in a list."""

    @property
    def id(self) -> Any:
        """Its UUID."""


Listed = TypeVar("Listed", bound=Row)


def page_of(
    found: Sequence[Listed], limit: int, show: Callable[[Listed], dict[str, Any]]
) -> dict[str, Any]:
    """A page of the first `limit`; one that was found beyond them says that there are more."""
    shown = found[:limit]
    following = write_cursor(shown[-1].id) if len(found) > len(shown) else None
    return {"items": [show(each) for each in shown], "next": following}


def read_cursor(cursor: str | None) -> uuid.UUID | None:
    """The id that it was written from. Raises InvalidRequest when it is none of ours."""
    if cursor is None:
        return None
    try:
        return uuid.UUID(bytes=base64.b64decode(cursor + "==", altchars="-_", validate=True))
    except (binascii.Error, ValueError):
        raise InvalidRequest("cursor", "not the `next` of a page") from None


def write_cursor(last: uuid.UUID) -> str:
    """What goes on after this id."""
    return base64.urlsafe_b64encode(last.bytes).decode().rstrip("=")
