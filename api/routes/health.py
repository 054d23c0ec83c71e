"""Health and metrics, for machines that ask every few seconds."""

import ipaddress
from typing import Any

from flask import Response, request
from flask_openapi3.blueprint import APIBlueprint
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4

from api import answer_schemas_health as answers
from api.auth import Keys, open_to_anybody
from api.exposition import Exposition
from api.openapi import A_KEY, content, problems, resource
from api.readiness import Readiness

OF_PROXIES = ("Forwarded", "X-Forwarded-For", "X-Real-Ip")


def health_routes(readiness: Readiness, keys: Keys, exposition: Exposition) -> APIBlueprint:
    """The routes that need no key, at least from this machine."""
    routes = resource("health")

    @routes.get("/healthz", responses={200: answers.Alive})
    @open_to_anybody
    def healthz() -> dict[str, Any]:
        """Say that this process answers, whatever became of everything else."""
        return {"status": "ok"}

    @routes.get("/readyz", responses={200: answers.Readiness, 503: answers.Readiness})
    @open_to_anybody
    def readyz() -> tuple[dict[str, Any], int]:
        """Say which servers answer; 503 when one does not, within about two seconds."""
        servers, workers = readiness.look()
        ready = all(server["status"] == "ok" for server in servers.values())
        status = {"status": "ok" if ready else "away"}
        return {**status, **servers, "workers": workers}, 200 if ready else 503

    @routes.get(
        "/metrics",
        security=[{}, *A_KEY],
        responses={
            200: content("text/plain", {"type": "string"}, "Prometheus's text format"),
            **problems(401, 403),
        },
    )
    @open_to_anybody
    def metrics() -> Response:
        """Read the metrics: from this machine, or with a key that may read."""
        if not _from_this_machine():
            keys.caller_of(request, "read")
        return Response(exposition.text(), content_type=CONTENT_TYPE_PLAIN_0_0_4)

    return routes


def _from_this_machine() -> bool:
    """What a proxy passes on came from elsewhere, even if the proxy is on this machine."""
    if any(name in request.headers for name in OF_PROXIES):
        return False
    try:
        return ipaddress.ip_address(request.remote_addr or "").is_loopback
    except ValueError:
        return False
