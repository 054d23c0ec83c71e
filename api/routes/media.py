"""Stored files: their bytes, whole or in part, or where to get them straight from the bucket."""

from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Response, jsonify
from flask_openapi3.blueprint import APIBlueprint

from api.addresses import uuid_in_path
from api.auth import needs, owner_seen
from api.bodies import Bodies
from api.openapi import A_KEY, BYTES, content, problems, resource
from api.schemas import MediaPath, MediaQuery
from api.sending import Stored, send
from fixative.jobs.store import find_job, find_media
from fixative.media.bucket import Bucket
from fixative.postgres.engine import Database
from fixative.postgres.media_tables import Media

PRESIGNED_SECONDS = 3600


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
            200: content("*/*", BYTES, "The bytes; their SHA-256 is the ETag"),
            206: content("*/*", BYTES, "The part that Range asked for"),
            304: None,
            **problems(401, 403, 404, 410, 416, 429, 503),
        },
    )
    @needs("media", or_link=True)
    def show(path: MediaPath, query: MediaQuery) -> Response:
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
