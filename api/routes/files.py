"""Input files: taken in, or announced for an upload to the bucket; and given out again."""

from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Response, request
from flask_openapi3.blueprint import APIBlueprint
from pydantic import ValidationError
from werkzeug.exceptions import UnsupportedMediaType

from api.addresses import base_url, uuid_in_path
from api.auth import caller, needs, owner_seen
from api.bodies import Bodies
from api.errors import raise_unprocessable
from api.openapi import A_KEY, nothing, problems, resource, stored
from api.schemas import StoredHeaders
from api.schemas_files import UPLOAD_BODY, Announcement, FilePath, FileQuery, InputFile
from api.sending import Stored, send
from api.uploads import take_file
from fixative.access.links import Links
from fixative.media.files import UPLOAD_SECONDS, Files
from fixative.postgres.media_tables import File
from fixative.settings import Settings


def files_routes(settings: Settings, files: Files, links: Links) -> APIBlueprint:
    """The routes under /files."""
    routes = resource("files")
    bodies = Bodies(files.bucket)

    @routes.post(
        "/files",
        description="As multipart/form-data, or announced as JSON for a direct upload to the bucket"
        " within an hour. The `url` of the answer can stand in a job's input.",
        openapi_extensions={"requestBody": UPLOAD_BODY},
        security=A_KEY,
        responses={201: InputFile, **problems(400, 401, 403, 413, 415, 422, 429, 503)},
    )
    @needs("submit")
    def upload() -> tuple[dict[str, Any], int]:
        """Bring an input file."""
        if request.mimetype == "multipart/form-data":
            return view(take_file(request, files, caller().owner_id)), 201
        if not request.is_json:
            raise UnsupportedMediaType("a file comes as multipart/form-data, or application/json")
        file = _announce(files)
        return {**view(file), "upload": _upload(files, file)}, 201

    @routes.get(
        "/files/<file_id>",
        security=[{}, *A_KEY],
        responses={
            **stored("The bytes; their SHA-256, where known, is the ETag"),
            **problems(401, 403, 404, 409, 410, 416, 429, 503),
        },
    )
    @needs("media", or_link=True)
    def show(path: FilePath, query: FileQuery, header: StoredHeaders) -> Response:  # noqa: ARG001 - for the document
        """Get an input file, by its link or with a key; 409 until its upload has come."""
        file = files.find(uuid_in_path(path.file_id), owner_id=owner_seen())
        return send(bodies, Stored(file.key, file.name, file.content_type, file.bytes, file.sha256))

    @routes.delete(
        "/files/<file_id>",
        security=A_KEY,
        responses={204: nothing("It is deleted"), **problems(401, 403, 404, 409, 410, 429, 503)},
    )
    @needs("submit")
    def delete(path: FilePath) -> tuple[str, int]:
        """Delete an input file; what was sent of it to Replicate is Replicate's."""
        files.delete(files.find(uuid_in_path(path.file_id), owner_id=owner_seen()))
        return "", 204

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
        "headers": {
            "Content-Type": file.content_type,
            "Content-Length": str(file.bytes),
            **files.bucket.upload_headers,
        },
        "expires_at": datetime.now(UTC) + timedelta(seconds=UPLOAD_SECONDS),
    }
