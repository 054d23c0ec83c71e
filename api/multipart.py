"""A file in a multipart/form-data body, handed on as it comes in: nothing is kept of it here."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeGuard

from flask import Request
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge
from werkzeug.sansio.multipart import (
    Data,
    Epilogue,
    Event,
    Field,
    File,
    MultipartDecoder,
    NeedData,
)

from api.errors import FieldError, Unprocessable

PARTS = ("content", "file")  # the first is what Replicate calls it
FIELDS = ("filename", "type", "metadata")  # as Replicate calls what may stand beside it
MOST_PARTS = 20
MOST_BESIDES = 2**20  # bytes around the file: boundaries, headers, other parts
MOST_HELD = 2**18
PIECE = 2**16


@dataclass(frozen=True)
class FilePart:
    """The file's part: its name and type as sent, and its bytes as they come in.

    `fields` has what stands beside it, as far as the body has been read.

    When the chunks end the whole body was as it should be; before, they may raise BadRequest,
    RequestEntityTooLarge or Unprocessable.
    """

    name: str
    content_type: str | None
    chunks: Iterator[bytes]
    fields: Mapping[str, bytes]

    def text(self, field: str) -> str:
        """What has come of a field; empty without it."""
        return self.fields.get(field, b"").decode(errors="replace")


def open_file_part(request: Request, most: int) -> FilePart:
    """The part `content`, or `file`, of at most so many bytes. Raises as its chunks do."""
    fields: dict[str, bytes] = {}
    events = _noting(fields, _events(request, most + MOST_BESIDES))
    for event in events:
        if _is_file(event):
            name = event.filename if isinstance(event, File) else ""
            declared = event.headers.get("Content-Type")
            return FilePart(name, declared, _chunks(events, most), fields)
    raise Unprocessable([FieldError((PARTS[0],), "Field required", "missing")])


def _chunks(events: Iterator[Event], most: int) -> Iterator[bytes]:
    """The bytes of the part that has just begun; then whatever else the body holds is read."""
    left, ended = most, False
    for event in events:
        if _is_file(event):
            raise Unprocessable([FieldError((event.name,), "one file a request", "too_many")])
        if isinstance(event, Data) and not ended:
            left -= len(event.data)
            if left < 0:
                raise RequestEntityTooLarge(f"a file may have {most} bytes")
            yield event.data
            ended = not event.more_data


def _noting(fields: dict[str, bytes], events: Iterator[Event]) -> Iterator[Event]:
    """The same events; what the fields hold is noted as it passes."""
    name = ""
    for event in events:
        if isinstance(event, File | Field):
            name = event.name
        elif isinstance(event, Data) and name in FIELDS:
            fields[name] = fields.get(name, b"") + event.data
            if len(fields[name]) > MOST_HELD:
                raise RequestEntityTooLarge(f"a field may have {MOST_HELD} bytes")
        yield event


def _events(request: Request, most: int) -> Iterator[Event]:
    decoder = MultipartDecoder(
        request.mimetype_params.get("boundary", "").encode(errors="replace"),
        max_form_memory_size=MOST_HELD,
        max_parts=MOST_PARTS,
    )
    if (request.content_length or 0) > most:
        raise RequestEntityTooLarge(f"a body may have {most} bytes here")
    left = most
    try:
        while not isinstance(event := decoder.next_event(), Epilogue):
            if isinstance(event, NeedData):
                piece = request.stream.read(PIECE)
                left -= len(piece)
                if left < 0:
                    raise RequestEntityTooLarge(f"a body may have {most} bytes here")
                decoder.receive_data(piece or None)
            else:
                yield event
    except ValueError as error:
        raise BadRequest(f"the body is no multipart/form-data: {error}") from None


def _is_file(event: Event) -> TypeGuard[File | Field]:
    return isinstance(event, File | Field) and event.name in PARTS
