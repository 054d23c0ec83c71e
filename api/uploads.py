"""A file that is brought as multipart/form-data, and what is said of it beside."""

import uuid
from collections.abc import Iterator
from typing import Any

from flask import Request
from werkzeug.exceptions import BadRequest

from api.body import parse_object
from api.errors import FieldError, Unprocessable
from api.multipart import PARTS, FilePart, open_file_part
from fixative.media.files import LARGEST, Files, type_of
from fixative.media.reader import HashingReader
from fixative.postgres.media_tables import File


def take_file(request: Request, files: Files, owner_id: uuid.UUID) -> File:
    """The file in the body, stored; nothing is if anything about the body is wrong.

    `filename` and `type` count where they come before it, `metadata` wherever it stands.
    """
    part = open_file_part(request, LARGEST)
    name, declared = part.text("filename"), part.text("type")
    source = HashingReader(_checked(part))
    content_type = type_of(source, declared or part.content_type)
    if not source.peek(1):
        raise Unprocessable([FieldError((PARTS[0],), "an empty file", "empty")])
    file = files.store(files.announce(owner_id, name or part.name, content_type), source)
    metadata = _metadata(part)
    return files.annotate(file, metadata) if metadata else file


def _checked(part: FilePart) -> Iterator[bytes]:
    """The file's bytes, whose end is only reached with a body that is right as a whole."""
    yield from part.chunks
    _metadata(part)


def _metadata(part: FilePart) -> dict[str, Any]:
    try:
        return parse_object(part.fields.get("metadata") or b"{}")
    except (BadRequest, Unprocessable):
        raise Unprocessable(
            [FieldError(("metadata",), "must be a JSON object", "json_type")]
        ) from None
