"""The routes of the services that Fixative takes the place of: their shapes, the same jobs."""

from typing import Any

from flask import Response, jsonify, redirect
from flask_openapi3.blueprint import APIBlueprint
from werkzeug.wrappers import Response as AnyResponse

from api import answer_schemas_aliases as answers
from api.addresses import uuid_in_path
from api.aliases import STATUS, async_job, media_status
from api.answer_schemas_v1 import Prediction
from api.auth import needs, owner_seen
from api.openapi import content, problems, resource
from api.schemas import IdempotencyHeader, JobPath
from api.schemas_aliases import MediaRequest, PredictionQuery
from api.schemas_v1 import VersionedBody
from api.statuses import Statuses
from api.submissions import Submissions

HTML = {"type": "string"}


def alias_routes(submissions: Submissions, statuses: Statuses) -> APIBlueprint:
    """The routes under other names."""
    routes = resource("aliases", keys_only=True)

    @routes.post(
        "/generate-media",
        responses={202: answers.MediaAccepted, **problems(400, 402, 404, 409, 413, 415, 422)},
    )
    @needs("submit")
    def generate_media(header: IdempotencyHeader, body: MediaRequest) -> tuple[dict[str, Any], int]:
        """Submit a job for a picture, a clip or a sound."""
        asked = body.request()
        accepted, status = submissions.take(asked, idempotency_key=header.idempotency_key)
        entry = submissions.catalog.registry.find(asked.model, None, None)
        return {
            "jobId": accepted.job.id,
            "status": STATUS.get(status.job["status"], status.job["status"]),
            "estimatedTime": entry.estimated_seconds if entry else None,
        }, 202

    @routes.get("/status/<job_id>", responses={200: answers.MediaStatus, **problems(404, 410)})
    @needs("read")
    def show_status(path: JobPath) -> dict[str, Any]:
        """See how a job stands, and where its media are."""
        return media_status(statuses.read(uuid_in_path(path.job_id), owner_seen()).job)

    @routes.get("/api/jobs/<job_id>", responses={200: answers.AsyncJob, **problems(404, 410)})
    @needs("read")
    def show_job(path: JobPath) -> dict[str, Any]:
        """See how a job stands, and, of a text model, its text."""
        return async_job(statuses.read(uuid_in_path(path.job_id), owner_seen()).job)

    @routes.post(
        "/",
        responses={201: Prediction, **problems(400, 402, 404, 409, 413, 415, 422)},
    )
    @needs("submit")
    def create(header: IdempotencyHeader, body: VersionedBody) -> tuple[Response, int]:
        """Submit a job in the shape of a prediction."""
        asked = body.request(body.target)
        _, status = submissions.take(asked, idempotency_key=header.idempotency_key)
        return jsonify(statuses.as_prediction(status)), 201

    @routes.get(
        "/",
        description="Without `predictionId`, a browser is sent to the page that explains the API;"
        " that needs no key.",
        responses={
            200: Prediction,
            302: content("text/html", HTML, "Go to /ui/", "Location"),
            **problems(404, 410),
        },
    )
    @needs("read", only_with="predictionId")
    def show_prediction(query: PredictionQuery) -> AnyResponse:
        """See how a job stands, in the shape of a prediction."""
        if query.predictionId is None:
            return redirect("ui/")
        status = statuses.read_prediction(query.predictionId, owner_seen())
        return status.marked(jsonify(statuses.as_prediction(status)))

    return routes
