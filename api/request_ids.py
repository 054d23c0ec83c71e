"""An id for every request: in its answer, and on every line logged on its way."""

import re
import time

import structlog
from flask import Flask, Response, g, request
from uuid_utils.compat import uuid7

from fixative.telemetry.labels import METHODS, OTHER, among, status_class
from fixative.telemetry.metrics import HTTP_SECONDS

HEADER = "X-Request-Id"
SANE = re.compile(r"[A-Za-z0-9._:-]{1,128}")
QUIET = ("/healthz", "/readyz", "/metrics")  # asked every few seconds, by machines

log = structlog.get_logger(__name__)


def register_request_ids(app: Flask) -> None:
    """Give each request its id, taken over from the caller if it is sane, and log its end."""

    @app.before_request
    def begin() -> None:
        given = request.headers.get(HEADER, "")
        g.began = time.monotonic()
        g.request_id = given if SANE.fullmatch(given) else uuid7().hex
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=g.request_id)

    @app.after_request
    def end(response: Response) -> Response:
        response.headers[HEADER] = g.request_id
        seconds = time.monotonic() - g.began
        route = request.url_rule.rule if request.url_rule else OTHER
        labels = (among(METHODS, request.method), route, status_class(response.status_code))
        HTTP_SECONDS.labels(*labels).observe(seconds)
        if request.path not in QUIET:
            log.info(
                "request",
                method=request.method,
                path=request.path,
                status=response.status_code,
                duration=round(seconds, 4),
            )
        return response

    @app.teardown_request
    def forget(_: BaseException | None) -> None:
        structlog.contextvars.clear_contextvars()
