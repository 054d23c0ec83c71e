"""Stored bytes as an answer: whole or one range, told of in full, shown only where that is safe."""

from dataclasses import dataclass

from flask import Response, request
from werkzeug.exceptions import RequestedRangeNotSatisfiable

from api.bodies import Bodies
from fixative.media.disposition import disposition

A_YEAR = 365 * 24 * 3600
NOT_MODIFIED = 304
NOTHING_RUNS = "default-src 'none'; style-src 'unsafe-inline'; sandbox"


@dataclass(frozen=True)
class Stored:
    """An object in the bucket as it is sent; without a SHA-256 it may still change."""

    key: str
    name: str
    content_type: str
    bytes: int
    sha256: str | None


def send(bodies: Bodies, stored: Stored) -> Response:
    """What this request asks for of it: GET or HEAD, a range, or nothing if the asker has it.

    Raises RequestedRangeNotSatisfiable, ServiceUnavailable or BucketError.
    """
    # Weak will do (RFC 9110 13.1.2): proxies that compress make an ETag so.
    if stored.sha256 is not None and request.if_none_match.contains_weak(stored.sha256):
        return _cached(Response(status=NOT_MODIFIED), stored)
    wanted = None if request.method == "HEAD" else _wanted_range(stored)
    start, stop = wanted or (0, stored.bytes)
    status = 200 if wanted is None else 206
    if request.method == "HEAD":
        answer = Response(status=status)
    else:
        byte_range = None if wanted is None else f"bytes={start}-{stop - 1}"
        body = bodies.open(stored.key, byte_range)
        answer = Response(body, status, direct_passthrough=True)
    _describe(_cached(answer, stored), stored)
    if wanted is not None:
        answer.content_range.set(start, stop, stored.bytes)
    answer.content_length = stop - start
    return answer


def _wanted_range(stored: Stored) -> tuple[int, int] | None:
    """The one range asked for, as start and stop; None for the whole.

    What RFC 9110 lets us ignore, we do: several ranges, other units, an If-Range that is not ours.
    Raises RequestedRangeNotSatisfiable.
    """
    asked = request.range
    if asked is None or asked.units != "bytes" or len(asked.ranges) != 1:
        return None
    if "If-Range" in request.headers and request.if_range.etag != stored.sha256:
        return None
    first, stop = asked.ranges[0]
    start = first if first >= 0 else max(0, stored.bytes + first)  # the last so many bytes
    if start >= stored.bytes:
        raise RequestedRangeNotSatisfiable(stored.bytes)
    return start, min(stored.bytes if stop is None else stop, stored.bytes)


def _cached(answer: Response, stored: Stored) -> Response:
    answer.accept_ranges = "bytes"
    answer.cache_control.private = True
    if stored.sha256 is None:
        answer.cache_control.no_cache = True
    else:
        answer.set_etag(stored.sha256)
        answer.cache_control.max_age = A_YEAR
        answer.cache_control.immutable = True
    return answer


def _describe(answer: Response, stored: Stored) -> None:
    answer.content_type = stored.content_type
    answer.headers["X-Content-Type-Options"] = "nosniff"
    answer.headers["Content-Security-Policy"] = NOTHING_RUNS
    answer.headers["Cross-Origin-Resource-Policy"] = "cross-origin"  # a page of yours may show it
    answer.headers.set(
        "Content-Disposition",
        disposition(stored.content_type),
        filename=stored.name.replace("/", "-"),
    )
