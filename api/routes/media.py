"""Stored files: their bytes, whole or in part, or where to get them straight from the bucket."""

from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Response, jsonify
from flask_openapi3.blueprint import APIBlueprint

from api.addresses import uuid_in_path
from api.auth import needs, owner_seen
from api.bodies import Bodies
from api.openapi import A_KEY, problems, resource, stored
from api.schemas import MediaPath, MediaQuery, StoredHeaders
from api.sending import Stored, send
from fixative.jobs.store import find_job, find_media
from fixative.media.bucket import Bucket
from fixative.postgres.engine import Database
from fixative.postgres.media_tables import Media

PRESIGNED_SECONDS = 3600
PRESIGNED = {
    "application/json": {
        "schema": {"description": "With `presign`, where the bytes lie; else a stored JSON"},
        "example": {
            "url": "https://bucket.example/images/…/original.webp?X-Amz-Signature=…",
            "expires_at": "2026-01-01T13:00:00.000000Z",
        },
    }
}


def media_routes(database: Database, bucket: Bucket) -> APIBlueprint:
    """The routes under /media."""
    routes = resource("media")
    bodies = Bodies(bucket)

    @routes.get(
        "/media/<job_id>/<path:name>",
        description="With a key, or by its link: the `url` in the job, which needs no key and"
        " works for as long as the job is kept. With `presign=1`, where it lies in the bucket.",
        security=[{}, *A_KEY],
        responses={
            **stored("The bytes; their SHA-256 is the ETag", **PRESIGNED),
            **problems(401, 403, 404, 410, 416, 422, 429, 503),
        },
    )
    @needs("media", or_link=True)
    def show(path: MediaPath, query: MediaQuery, header: StoredHeaders) -> Response:  # noqa: ARG001 - for the document
        """Get a stored file, whole or one range of it; HEAD tells of it without its bytes."""
        with database.begin() as session:
            job = find_job(session, uuid_in_path(path.job_id), owner_id=owner_seen())
            media = find_media(session, job, path.name)
        if query.presign:
            return jsonify(_presigned(bucket, media))
        return send(
            bodies, Stored(media.key, media.name, media.content_type, media.bytes, media.sha256)
        )

    return routes


def _presigned(bucket: Bucket, media: Media) -> dict[str, Any]:
    url = bucket.address(
        media.key, name=media.name, content_type=media.content_type, seconds=PRESIGNED_SECONDS
    )
    return {"url": url, "expires_at": datetime.now(UTC) + timedelta(seconds=PRESIGNED_SECONDS)}
