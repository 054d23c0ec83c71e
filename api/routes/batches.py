"""Batches: many jobs submitted at once, and how they stand together."""

from typing import Any

from flask import Response, jsonify
from flask_openapi3.blueprint import APIBlueprint

from api import answer_schemas_jobs as answers
from api.addresses import uuid_in_path
from api.auth import caller, needs, owner_seen
from api.openapi import problems, resource, with_headers
from api.schemas import IdempotencyHeader
from api.schemas_jobs import BatchPath, BatchSubmission
from fixative.catalog.catalog import Catalog
from fixative.jobs.batch_standing import batch_standing
from fixative.jobs.batches import take_in_batch
from fixative.postgres.engine import Database
from fixative.settings import Settings
from worker.publisher import Publisher


def batches_routes(
    settings: Settings, database: Database, publisher: Publisher, catalog: Catalog
) -> APIBlueprint:
    """The routes of batches."""
    routes = resource("batches", keys_only=True)

    @routes.post(
        "/jobs/batch",
        description="In one transaction: all or none. 422 names each place by the number of its"
        " job. A job whose own `idempotency_key` is known is that first job, and no part of the"
        " batch. 200 with `Idempotent-Replay: true` and what is left of the first batch when the"
        " Idempotency-Key was used for the same body before, 409 when for another.",
        responses={
            200: with_headers(answers.AcceptedBatch, "Idempotent-Replay"),
            202: answers.AcceptedBatch,
            **problems(400, 402, 409, 413, 415, 422),
        },
    )
    @needs("submit")
    def submit(header: IdempotencyHeader, body: BatchSubmission) -> Response:
        """Submit up to 1,000 jobs; 202 once all of them are safe in Postgres."""
        accepted = take_in_batch(
            database,
            catalog,
            settings.allowed_webhook_hosts,
            body.request(),
            caller().owner_id,
            api_key_id=caller().key_id,
            idempotency_key=header.idempotency_key,
        )
        publisher.publish(accepted.hints)
        answer = jsonify({"batch_id": accepted.batch_id, "jobs": list(map(vars, accepted.jobs))})
        answer.status_code = 200 if accepted.replayed else 202
        if accepted.replayed:
            answer.headers["Idempotent-Replay"] = "true"
        return answer

    @routes.get("/batches/<batch_id>", responses={200: answers.Batch, **problems(404)})
    @needs("read")
    def show(path: BatchPath) -> dict[str, Any]:
        """See how many jobs of a batch are what."""
        batch_id = uuid_in_path(path.batch_id)
        with database.begin() as session:
            standing = batch_standing(session, batch_id, owner_id=owner_seen())
        batch = standing.batch
        return {
            "id": batch.id,
            "label": batch.label,
            "created_at": batch.created_at,
            "total": standing.total,
            "counts": standing.counts,
        }

    return routes
