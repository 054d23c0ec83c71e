"""Stored files: their bytes, whole or in part, or where to get them straight from the bucket."""

from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Response, jsonify, request
from flask_openapi3.blueprint import APIBlueprint

from api.addresses import uuid_in_path
from api.auth import Keys, open_to_anybody
from api.bodies import Bodies
from api.openapi import A_KEY, BYTES, content, problems, resource
from api.schemas import MediaPath, MediaQuery
from api.sending import Stored, send
from fixative.access.links import Links
from fixative.jobs.store import find_job, find_media
from fixative.media.bucket import Bucket
from fixative.media.view import media_path
from fixative.postgres.engine import Database
from fixative.postgres.media_tables import Media

PRESIGNED_SECONDS = 3600


def media_routes(database: Database, bucket: Bucket, keys: Keys, links: Links) -> APIBlueprint:
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
            **problems(401, 403, 404, 410, 416, 503),
        },
    )
    @open_to_anybody
    def show(path: MediaPath, query: MediaQuery) -> Response:
        """Get a stored file, whole or one range of it; HEAD tells of it without its bytes."""
        media = find(path, query.sig)
        if query.presign:
            return jsonify(_presigned(bucket, media))
        return send(
            bodies, Stored(media.key, media.name, media.content_type, media.bytes, media.sha256)
        )

    def find(path: MediaPath, signature: str | None) -> Media:
        job_id, owner_id = uuid_in_path(path.job_id), None
        # A link that is right opens, whatever key comes along: clients send their own everywhere.
        if not links.valid(media_path(job_id, path.name), signature or ""):
            caller = keys.caller_of(request, "media")
            owner_id = None if caller.sees_all else caller.owner_id
        with database.begin() as session:
            return find_media(session, find_job(session, job_id, owner_id=owner_id), path.name)

    return routes


def _presigned(bucket: Bucket, media: Media) -> dict[str, Any]:
    url = bucket.address(
        media.key, name=media.name, content_type=media.content_type, seconds=PRESIGNED_SECONDS
    )
    return {"url": url, "expires_at": datetime.now(UTC) + timedelta(seconds=PRESIGNED_SECONDS)}
