"""Stored files: their bytes, whole or in part."""

from flask import Response, request
from flask_openapi3.blueprint import APIBlueprint
from werkzeug.exceptions import RequestedRangeNotSatisfiable

from api.addresses import uuid_in_path
from api.auth import needs, owner_seen
from api.bodies import Bodies
from api.openapi import content, problems, resource
from api.schemas import MediaPath
from fixative.jobs.store import find_media, get_job
from fixative.media.bucket import Bucket
from fixative.postgres.engine import Database
from fixative.postgres.media_tables import Media

A_YEAR = 365 * 24 * 3600
SHOWN_BY_BROWSERS = ("image/", "video/", "audio/")
TEXTS_SHOWN = frozenset({"text/plain", "application/json"})
SCRIPTABLE = frozenset({"image/svg+xml"})
BYTES = {"type": "string", "format": "binary"}


def media_routes(database: Database, bucket: Bucket) -> APIBlueprint:
    """The routes under /media."""
    routes = resource("media", keys_only=True)
    bodies = Bodies(bucket)

    @routes.get(
        "/media/<job_id>/<path:name>",
        responses={
            200: content("*/*", BYTES, "The bytes; their SHA-256 is the ETag"),
            206: content("*/*", BYTES, "The part that Range asked for"),
            304: None,
            **problems(404, 416),
        },
    )
    @needs("media")
    def send(path: MediaPath) -> Response:
        """Get a stored file, whole or one range of it; HEAD tells of it without its bytes."""
        job_id = uuid_in_path(path.job_id)
        with database.begin() as session:
            job = get_job(session, job_id, owner_id=owner_seen())
            media = find_media(session, job, path.name)
        if media.sha256 in request.if_none_match:
            return _described(Response(status=304), media)
        wanted = _wanted_range(media)
        start, stop = wanted or (0, media.bytes)
        status = 200 if wanted is None else 206
        if request.method == "HEAD":
            answer = _described(Response(status=status), media)
        else:
            byte_range = None if wanted is None else f"bytes={start}-{stop - 1}"
            body = bodies.open(media.key, byte_range)
            answer = _described(Response(body, status, direct_passthrough=True), media)
        if wanted is not None:
            answer.content_range.set(start, stop, media.bytes)
        answer.content_length = stop - start
        return answer

    return routes


def _wanted_range(media: Media) -> tuple[int, int] | None:
    """The one range asked for, as start and stop; None for the whole.

    What RFC 9110 lets us ignore, we do: several ranges, other units, an If-Range that is not ours.
    Raises RequestedRangeNotSatisfiable.
    """
    asked = request.range
    if asked is None or asked.units != "bytes" or len(asked.ranges) != 1:
        return None
    if "If-Range" in request.headers and request.if_range.etag != media.sha256:
        return None
    first, stop = asked.ranges[0]
    start = first if first >= 0 else max(0, media.bytes + first)  # the last so many bytes
    if start >= media.bytes:
        raise RequestedRangeNotSatisfiable(media.bytes)
    return start, min(media.bytes if stop is None else stop, media.bytes)


def _described(answer: Response, media: Media) -> Response:
    """The answer with all that is said of the file, however much of it is sent."""
    answer.set_etag(media.sha256)
    answer.accept_ranges = "bytes"
    answer.cache_control.private = True
    answer.cache_control.max_age = A_YEAR
    answer.cache_control.immutable = True
    if answer.status_code == 304:  # noqa: PLR2004
        return answer
    answer.content_type = media.content_type
    answer.headers["X-Content-Type-Options"] = "nosniff"
    answer.headers.set(
        "Content-Disposition",
        "inline" if _shown(media.content_type) else "attachment",
        filename=media.name.replace("/", "-"),
    )
    return answer


def _shown(content_type: str) -> bool:
    """Whether a browser may show it under our origin: not what could carry a script."""
    plain = content_type.partition(";")[0].strip().lower()
    return plain in TEXTS_SHOWN or (plain.startswith(SHOWN_BY_BROWSERS) and plain not in SCRIPTABLE)
