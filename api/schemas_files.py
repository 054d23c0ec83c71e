"""Input files in requests and answers."""

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, ConfigDict, Field

from api.answer_schemas import OWNER_ID, SHA256, Answer
from api.schemas import WHOLE, Body, Parameters, PathId, Text
from fixative.media.files import LARGEST

FILE_ID = OWNER_ID.replace("0001", "0002")
URL = f"https://fixative.example/files/{FILE_ID}?sig=9TjCbVq2yYJpQ0cHq1m0Yw"
ContentType = Annotated[str, Field(max_length=255, pattern=r"^[a-zA-Z0-9.+-]+/[a-zA-Z0-9.+-]+$")]


class FilePath(Parameters):
    """A file, by its id."""

    file_id: PathId = Field(description="The file's id")


class FileQuery(Parameters):
    """What makes the address a link that needs no key."""

    sig: str | None = Field(None, description="The address's signature, as `url` has it")


class Announcement(Body):
    """A file that will be uploaded straight to the bucket."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {"presign": True, "content_type": "image/png", "bytes": 48_000_000}
        }
    )

    presign: Literal[True]
    content_type: ContentType
    bytes: Annotated[int, Field(ge=1, le=LARGEST), WHOLE]
    name: Text = "file"


class Upload(Answer):
    """Where the bytes are to be sent, with these headers exactly."""

    url: str
    method: str
    headers: dict[str, str]
    expires_at: AwareDatetime


class InputFile(Answer):
    """An input file; its `url` can stand in a job's input, and opens without a key."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "id": FILE_ID,
                "name": "cat.png",
                "content_type": "image/png",
                "bytes": 48213,
                "sha256": SHA256,
                "created_at": "2026-10-29T09:14:03Z",
                "url": URL,
            }
        }
    )

    id: UUID
    name: str
    content_type: str
    bytes: int
    sha256: str | None = Field(description="null where the bytes did not pass through here")
    created_at: AwareDatetime
    url: str
    upload: Upload | None = Field(None, description="With `presign` only")


CONTENT = {
    "type": "string",
    "format": "binary",
    "minLength": 1,
    "description": f"The file, of at most {LARGEST} bytes",
}
UPLOAD_BODY: dict[str, Any] = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["content"],
                "properties": {
                    "content": CONTENT,
                },
            },
            "example": {"content": "(the bytes of the file)"},
        },
        "application/json": {"schema": Announcement.model_json_schema()},
    },
}
