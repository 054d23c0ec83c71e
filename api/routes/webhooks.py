"""Webhooks: verified, written down and read, answered."""

import uuid
from collections.abc import Callable
from typing import Any

import structlog
from flask import Response, request
from flask_openapi3.blueprint import APIBlueprint

from api.answer_schemas_health import Received
from api.auth import open_to_anybody
from api.body import parse_json, read_bytes
from api.openapi import problems, resource
from api.schemas_webhooks import PREDICTION, WebhookHeaders, WebhookQuery
from api.webhook_secret import WebhookSecret
from fixative.errors import MalformedPrediction
from fixative.jobs.deliveries import receive_and_read
from fixative.postgres.engine import Database
from fixative.replicate.prediction import read_prediction
from fixative.telemetry.metrics import WEBHOOKS
from fixative.telemetry.tracing import span
from worker.publisher import Publisher

LARGEST = 20 * 2**20
ADDRESSES = ("/webhook/replicate", "/api/webhooks/replicate")

log = structlog.get_logger(__name__)


def webhook_routes(database: Database, publisher: Publisher, secret: WebhookSecret) -> APIBlueprint:
    """Where Replicate calls."""
    routes = resource("webhooks")

    @_at_each_address(routes)
    @open_to_anybody
    def receive_webhook(query: WebhookQuery, header: WebhookHeaders) -> dict[str, Any]:  # noqa: ARG001 - for the document
        """Receive Replicate's word on a prediction; 200 once it is in Postgres."""
        raw = read_bytes(request, LARGEST)
        webhook_id = secret.verify(dict(request.headers), raw)
        try:
            prediction = read_prediction(parse_json(raw))
        except MalformedPrediction as error:
            log.warning("webhook_malformed", webhook_id=webhook_id, reason=str(error))
            raise
        job_id = prediction.claimed_by[0] if prediction.claimed_by else None
        about = {"prediction_id": prediction.id, "prediction_status": prediction.status}
        with span("webhook", job_id, **about):
            hints = receive_and_read(database, webhook_id, prediction, _uuid_or_none(query.job))
        publisher.publish(hints)
        return {"received": True}

    @routes.after_request
    def count(response: Response) -> Response:
        WEBHOOKS.labels(response.status_code).inc()
        return response

    return routes


def _at_each_address(routes: APIBlueprint) -> Callable[[Any], Any]:
    """The first is the one to use, the other what an earlier service of this kind was called at."""

    def register(view: Any) -> Any:
        for address in ADDRESSES:
            name = address.strip("/").replace("/", "_")
            routes.post(
                address,
                description="Signed by Standard Webhooks. The same webhook-id again is the same"
                " delivery.",
                responses={200: Received, **problems(400, 401, 413, 422, 503)},
                operation_id=name,
                openapi_extensions={"requestBody": PREDICTION},
                endpoint=name,
            )(view)
        return view

    return register


def _uuid_or_none(text: str | None) -> uuid.UUID | None:
    try:
        return uuid.UUID(text or "")
    except ValueError:
        return None
