"""The files API: upload, list, get, delete, download."""

import time
from typing import Any

import orjson
from aiohttp import web
from aiohttp.multipart import BodyPartReader

from replicate_emulator import errors
from replicate_emulator.answers import WORLD, json_answer
from replicate_emulator.errors import Invalid, Problem
from replicate_emulator.uploads import MAX_BYTES, Upload

routes = web.RouteTableDef()


@routes.post("/v1/files")
async def create_file(request: web.Request) -> web.StreamResponse:
    """Take a file: multipart, field `content`, and beside it `filename`, `type`, `metadata`."""
    if not request.content_type.startswith("multipart/"):
        raise Problem(415, f'Unsupported media type "{request.content_type}" in request.')
    fields = await _read_fields(request)
    if "content" not in fields:
        raise errors.invalid_input([Invalid("required", "", "content is required")])
    uploads = request.app[WORLD].uploads
    upload = uploads.add(
        name=fields.get("filename") or fields["name"],
        content_type=fields.get("type") or fields["content_type"],
        data=fields["content"],
        metadata=fields.get("metadata") or {},
    )
    return json_answer(uploads.as_json(upload), 201)


@routes.get("/v1/files")
async def list_files(request: web.Request) -> web.StreamResponse:
    """All uploaded files, newest first, on one page."""
    uploads = request.app[WORLD].uploads
    results = [uploads.as_json(upload) for upload in uploads.newest_first()]
    return json_answer({"next": None, "previous": None, "results": results})


@routes.get("/v1/files/{id}")
async def get_file(request: web.Request) -> web.StreamResponse:
    """What is known of a file."""
    return json_answer(request.app[WORLD].uploads.as_json(_find(request)))


@routes.delete("/v1/files/{id}")
async def delete_file(request: web.Request) -> web.StreamResponse:
    """Forget a file."""
    request.app[WORLD].uploads.remove(_find(request).id)
    return web.Response(status=204)


@routes.get("/v1/files/{id}/download")
async def download_file(request: web.Request) -> web.StreamResponse:
    """The file's bytes, until the `expiry` of the link; its signature is not checked."""
    upload = _find(request)
    expiry = request.query.get("expiry", "")
    links = expiry.isdigit() and "owner" in request.query and "signature" in request.query
    if not links or int(expiry) < time.time():
        raise Problem(404, "File not found")
    return web.Response(body=upload.data, content_type=upload.content_type)


def _find(request: web.Request) -> Upload:
    upload = request.app[WORLD].uploads.get(request.match_info["id"])
    if upload is None:
        raise Problem(404, "File not found")
    return upload


async def _read_fields(request: web.Request) -> dict[str, Any]:
    """The form's fields by name, and the content's own `name` and `content_type`."""
    fields: dict[str, Any] = {}
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader):
            continue
        data = await _read_part(part)
        if part.name == "content":
            fields["content"] = data
            fields["name"] = part.filename or "file"
            fields["content_type"] = part.headers.get("Content-Type", "application/octet-stream")
        elif part.name == "metadata":
            fields["metadata"] = _read_metadata(data)
        elif part.name in ("filename", "type"):
            fields[part.name] = data.decode(errors="replace")
    return fields


async def _read_part(part: BodyPartReader) -> bytes:
    data = bytearray()
    while piece := await part.read_chunk(256 * 1024):
        data += piece
        if len(data) > MAX_BYTES:
            raise Problem(413, "Files must be less than 100MB in size")
    return bytes(data)


def _read_metadata(data: bytes) -> dict[str, Any]:
    try:
        metadata = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise errors.malformed(f"metadata: {error}") from error
    if not isinstance(metadata, dict):
        raise errors.malformed("metadata: an object wanted")
    return metadata
