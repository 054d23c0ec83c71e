"""Input files in Replicate's own words (its OpenAPI file)."""

from typing import Any

from pydantic import AwareDatetime, ConfigDict, Field

from api.answer_schemas import SHA256, Answer
from api.schemas import Parameters
from api.schemas_files import CONTENT
from api.schemas_v1 import PageCursor

FILE_ID = "01k8y1wpvxfgx9y01d3sn4q33g"
ADDRESS = f"https://fixative.example/v1/files/{FILE_ID}"
EXAMPLE: dict[str, Any] = {
    "id": FILE_ID,
    "name": "cat.png",
    "content_type": "image/png",
    "size": 48213,
    "etag": SHA256,
    "checksums": {"sha256": SHA256},
    "metadata": {"customer_reference_id": 123},
    "created_at": "2026-10-29T09:14:03Z",
    "expires_at": None,
    "urls": {"get": ADDRESS, "download": f"{ADDRESS}/download?sig=9TjCbVq2yYJpQ0cHq1m0Yw"},
}
FORM: dict[str, Any] = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["content"],
                "properties": {
                    "content": CONTENT,
                    "filename": {
                        "type": "string",
                        "description": "Before `content`; else the name that comes with it",
                    },
                    "type": {
                        "type": "string",
                        "description": "Before `content`; else the type that comes with it",
                    },
                    "metadata": {
                        "type": "object",
                        "description": "Whatever you say of it, as JSON",
                    },
                },
            },
            "example": {"content": "(the bytes of the file)", "metadata": {"mine": True}},
        }
    },
}


class V1FilePath(Parameters):
    """A file, by its id in either form."""

    id: str = Field(description="Its id, as `id` has it")


class V1FileFilter(Parameters):
    """Which page of the list is shown, newest first."""

    cursor: PageCursor | None = None


class V1FileUrls(Answer):
    """Where it is asked about; what it holds, without a key."""

    get: str
    download: str


class V1File(Answer):
    """An input file as Replicate shows one; `urls.get` can stand in a prediction's input."""

    model_config = ConfigDict(json_schema_extra={"example": EXAMPLE})

    id: str
    name: str
    content_type: str
    size: int
    etag: str
    checksums: dict[str, str] = Field(description="Empty where the bytes did not pass through here")
    metadata: dict[str, Any]
    created_at: AwareDatetime
    expires_at: AwareDatetime | None = Field(description="null: it is kept until it is deleted")
    urls: V1FileUrls


class V1FilePage(Answer):
    """A hundred files, newest first."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"next": None, "previous": None, "results": [EXAMPLE]}}
    )

    next: str | None = Field(description="Where older ones are")
    previous: str | None = Field(description="Where newer ones are")
    results: list[V1File]
