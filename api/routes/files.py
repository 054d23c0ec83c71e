"""Input files: taken in, or announced for an upload to the bucket; and given out again."""

from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Response, request
from flask_openapi3.blueprint import APIBlueprint
from pydantic import ValidationError
from werkzeug.exceptions import UnsupportedMediaType

from api.addresses import base_url, uuid_in_path
from api.auth import Keys, caller, needs, open_to_anybody
from api.bodies import Bodies
from api.errors import FieldError, Unprocessable, raise_unprocessable
from api.multipart import PARTS, open_file_part
from api.openapi import A_KEY, content, problems, resource
from api.schemas_files import UPLOAD_BODY, Announcement, FilePath, InputFile, LinkQuery
from fixative.access.links import Links
from fixative.media.files import LARGEST, UPLOAD_SECONDS, Files, type_of
from fixative.media.reader import HashingReader
from fixative.postgres.media_tables import File
from fixative.settings import Settings

A_YEAR = 365 * 24 * 3600
BYTES = {"type": "string", "format": "binary"}


def files_routes(settings: Settings, keys: Keys, files: Files) -> APIBlueprint:
    """The routes under /files."""
    routes = resource("files")
    bodies = Bodies(files.bucket)
    links = Links.of(settings)

    @routes.post(
        "/files",
        description="As multipart/form-data, or announced as JSON for a direct upload to the bucket"
        " within an hour. The `url` of the answer can stand in a job's input.",
        openapi_extensions={"requestBody": UPLOAD_BODY},
        security=A_KEY,
        responses={201: InputFile, **problems(400, 401, 403, 413, 415, 422, 503)},
    )
    @needs("submit")
    def upload() -> tuple[dict[str, Any], int]:
        """Bring an input file."""
        if request.mimetype == "multipart/form-data":
            return view(_take(files)), 201
        if not request.is_json:
            raise UnsupportedMediaType("a file comes as multipart/form-data, or application/json")
        file = _announce(files)
        return {**view(file), "upload": _upload(files, file)}, 201

    @routes.get(
        "/files/<file_id>",
        security=[{}, *A_KEY],
        responses={
            200: content("*/*", BYTES, "The bytes; their SHA-256, where known, is the ETag"),
            304: None,
            **problems(401, 403, 404, 409, 503),
        },
    )
    @open_to_anybody
    def send(path: FilePath, query: LinkQuery) -> Response:
        """Get an input file, by its link or with a key; 409 until its upload has come."""
        file_id = uuid_in_path(path.file_id)
        owner_id = None
        if not links.valid(f"/files/{file_id}", query.sig or ""):
            reader = keys.caller_of(request, "media", "read")
            owner_id = None if reader.sees_all else reader.owner_id
        file = files.find(file_id, owner_id=owner_id)
        if file.sha256 is not None and file.sha256 in request.if_none_match:
            return _described(Response(status=304), file)
        if request.method == "HEAD":
            return _described(Response(), file)
        body = bodies.open(file.key, None)
        return _described(Response(body, direct_passthrough=True), file)

    def view(file: File) -> dict[str, Any]:
        return {
            "id": file.id,
            "name": file.name,
            "content_type": file.content_type,
            "bytes": file.bytes,
            "sha256": file.sha256,
            "created_at": file.created_at,
            "url": base_url(settings) + links.signed(f"/files/{file.id}"),
        }

    return routes


def _take(files: Files) -> File:
    part = open_file_part(request, LARGEST)
    source = HashingReader(part.chunks)
    content_type = type_of(source, part.content_type)
    if not source.peek(1):
        raise Unprocessable([FieldError((PARTS[0],), "an empty file", "empty")])
    file = files.announce(caller().owner_id, part.name, content_type)
    return files.store(file, source)


def _announce(files: Files) -> File:
    try:
        asked = Announcement.model_validate(request.get_json())
    except ValidationError as error:
        raise_unprocessable(error)
    return files.announce(caller().owner_id, asked.name, asked.content_type, asked.bytes)


def _upload(files: Files, file: File) -> dict[str, Any]:
    return {
        "url": files.upload_url(file),
        "method": "PUT",
        "headers": {"Content-Type": file.content_type, "Content-Length": str(file.bytes)},
        "expires_at": datetime.now(UTC) + timedelta(seconds=UPLOAD_SECONDS),
    }


def _described(answer: Response, file: File) -> Response:
    """The answer with all that is said of the file; a browser is never to show it as ours."""
    answer.cache_control.private = True
    if file.sha256 is None:  # an upload to the bucket may be repeated while its hour lasts
        answer.cache_control.no_cache = True
    else:
        answer.set_etag(file.sha256)
        answer.cache_control.max_age = A_YEAR
        answer.cache_control.immutable = True
    if answer.status_code == 304:  # noqa: PLR2004
        return answer
    answer.content_type = file.content_type
    answer.content_length = file.bytes
    answer.headers["X-Content-Type-Options"] = "nosniff"
    answer.headers.set("Content-Disposition", "attachment", filename=file.name)
    return answer
