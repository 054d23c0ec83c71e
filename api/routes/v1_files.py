"""Input files as Replicate serves them: for its own clients, each is a file of ours."""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Any

from flask import Response, request
from flask_openapi3.blueprint import APIBlueprint
from werkzeug.exceptions import RequestEntityTooLarge, UnsupportedMediaType

from api.addresses import base_url
from api.auth import caller, needs, owner_seen
from api.bodies import Bodies
from api.openapi import A_KEY, nothing, problems, resource, stored
from api.replicate_pages import addresses, find_page
from api.schemas import StoredHeaders
from api.schemas_files import FileQuery
from api.schemas_v1_files import FORM, V1File, V1FileFilter, V1FilePage, V1FilePath
from api.sending import Stored, send
from api.uploads import take_file
from fixative.access.links import Links
from fixative.errors import NotFound
from fixative.jobs.short_ids import read_id, short_id
from fixative.media.files import Files
from fixative.media.retention import kept_days
from fixative.postgres.media_tables import File
from fixative.settings import Settings

READERS = ("submit", "read")


def v1_file_routes(settings: Settings, files: Files, links: Links) -> APIBlueprint:
    """The routes under /v1/files."""
    routes = resource("prediction-files")
    bodies = Bodies(files.bucket)

    @routes.post(
        "/v1/files",
        openapi_extensions={"requestBody": FORM},
        security=A_KEY,
        responses={201: V1File, **problems(400, 401, 403, 413, 415, 422, 429, 503)},
    )
    @needs("submit")
    def upload() -> tuple[dict[str, Any], int]:
        """Bring an input file, as Replicate's clients do."""
        [shown] = shown_all([_take(files)])
        return shown, 201

    @routes.get(
        "/v1/files",
        security=A_KEY,
        responses={200: V1FilePage, **problems(401, 403, 422, 429, 503)},
    )
    @needs(*READERS)
    def list_page(query: V1FileFilter) -> dict[str, Any]:
        """List the files that you brought, newest first, a hundred at a time."""
        found, older, newer = find_page(partial(files.page, caller().owner_id), query.cursor)
        return {**addresses(base_url(settings), older, newer), "results": shown_all(found)}

    @routes.get(
        "/v1/files/<id>",
        security=A_KEY,
        responses={200: V1File, **problems(401, 403, 404, 409, 410, 429, 503)},
    )
    @needs(*READERS)
    def show(path: V1FilePath) -> dict[str, Any]:
        """Look at a file."""
        [shown] = shown_all([_find(files, path)])
        return shown

    @routes.delete(
        "/v1/files/<id>",
        security=A_KEY,
        responses={204: nothing("It is deleted"), **problems(401, 403, 404, 409, 410, 429, 503)},
    )
    @needs("submit")
    def delete(path: V1FilePath) -> tuple[str, int]:
        """Delete a file."""
        files.delete(_find(files, path))
        return "", 204

    @routes.get(
        "/v1/files/<id>/download",
        security=[{}, *A_KEY],
        responses={
            **stored("The bytes; their SHA-256, where known, is the ETag"),
            **problems(401, 403, 404, 409, 410, 416, 429, 503),
        },
    )
    @needs(*READERS, or_link=True)
    def download(path: V1FilePath, query: FileQuery, header: StoredHeaders) -> Response:  # noqa: ARG001 - for the document
        """Get what a file holds, by its link or with a key."""
        file = _find(files, path)
        return send(bodies, Stored(file.key, file.name, file.content_type, file.bytes, file.sha256))

    def shown_all(found: Sequence[File]) -> list[dict[str, Any]]:
        owners = {file.owner_id for file in found}
        with files.database.begin() as session:
            days = kept_days(session, owners, settings.fixative_retention_days)
        return [_shown(file, days[file.owner_id], base_url(settings), links) for file in found]

    return routes


def _take(files: Files) -> File:
    if request.mimetype != "multipart/form-data":
        raise UnsupportedMediaType("a file comes as multipart/form-data")
    try:
        return take_file(request, files, caller().owner_id)
    except RequestEntityTooLarge:
        raise RequestEntityTooLarge("Files must be less than 100MB in size") from None


def _find(files: Files, path: V1FilePath) -> File:
    file_id = read_id(path.id)
    if file_id is None:
        raise NotFound(f"no file {path.id}")
    return files.find(file_id, owner_id=owner_seen())


def _shown(file: File, kept_days: int | None, base_url: str, links: Links) -> dict[str, Any]:
    path = f"/v1/files/{short_id(file.id)}"
    return {
        "id": short_id(file.id),
        "name": file.name,
        "content_type": file.content_type,
        "size": file.bytes,
        "etag": file.sha256 or short_id(file.id),
        "checksums": {"sha256": file.sha256} if file.sha256 else {},
        "metadata": file.metadata_ or {},
        "created_at": file.created_at,
        "expires_at": None if kept_days is None else file.used_at + timedelta(days=kept_days),
        "urls": {
            "get": f"{base_url}{path}",
            "download": base_url + links.signed(f"{path}/download"),
        },
    }
