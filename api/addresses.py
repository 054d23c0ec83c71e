"""What addresses hold: ids in them, and the host that links begin with."""

import uuid

from flask import request
from werkzeug.routing import BaseConverter

from fixative.errors import NotFound
from fixative.settings import Settings


class Id(BaseConverter):
    """An id in an address, and none of the words that may stand in its place: no job is `batch`."""

    regex = "(?!(?:batch|cancel|retry|requeue)$)[^/]+"


def uuid_in_path(text: str) -> uuid.UUID:
    """The id. Raises NotFound: what is no id names nothing."""
    try:
        return uuid.UUID(text)
    except ValueError:
        raise NotFound(f"no such id: {text}") from None


def base_url(settings: Settings) -> str:
    """What links in answers begin with: the public URL, or the host this request asked for."""
    return settings.fixative_public_url or request.host_url.rstrip("/")
