"""Predictions made as Replicate's clients make them, in three ways: each is a job."""

from typing import Any

from flask import Response, jsonify
from flask_openapi3.blueprint import APIBlueprint

from api import answer_schemas_v1 as answers
from api.auth import caller, needs
from api.holding import Holding
from api.openapi import problems
from api.replicate_problems import VersionNotPermitted
from api.schemas_v1 import OwnedPath, PredictionBody, PredictionHeaders, VersionedBody
from api.submissions import Submissions
from fixative.errors import NotFound
from fixative.jobs.accept import JobRequest
from fixative.replicate.target import Target

WAIT, LONGEST = "wait", "wait=60"  # without a number it is the longest
CREATED: dict[Any, Any] = {
    201: answers.Prediction,
    202: answers.Prediction,
    **problems(400, 402, 404, 409, 413, 415, 422),
}


def add_creates(routes: APIBlueprint, submissions: Submissions, holding: Holding) -> None:
    """Add the routes under /v1 that make predictions."""

    @routes.post("/v1/predictions", responses=CREATED)
    @needs("submit")
    def create(header: PredictionHeaders, body: VersionedBody) -> Response:
        """Make a prediction by the model that `version` names."""
        try:
            return created(body.request(body.target, header.seconds), header)
        except NotFound:
            raise VersionNotPermitted from None

    @routes.post("/v1/models/<owner>/<name>/predictions", responses=CREATED)
    @needs("submit")
    def create_by_model(
        path: OwnedPath, header: PredictionHeaders, body: PredictionBody
    ) -> Response:
        """Make a prediction by a model."""
        return created(body.request(Target(model=path.full_name), header.seconds), header)

    @routes.post("/v1/deployments/<owner>/<name>/predictions", responses=CREATED)
    @needs("submit")
    def create_by_deployment(
        path: OwnedPath, header: PredictionHeaders, body: PredictionBody
    ) -> Response:
        """Make a prediction by a deployment."""
        return created(body.request(Target(deployment=path.full_name), header.seconds), header)

    def created(asked: JobRequest, header: PredictionHeaders) -> Response:
        """The new prediction: 202 where it was waited for in vain, else 201."""
        accepted, accepted_as = submissions.take(
            asked, idempotency_key=header.idempotency_key, is_repeat=header.is_repeat
        )
        prefer = LONGEST if header.prefer == WAIT else header.prefer
        status, applied = holding.until_ended(
            accepted.job.id, caller().owner_id, prefer, accepted_as
        )
        prediction = submissions.statuses.as_prediction(status)
        del prediction["source"]
        if not status.ended:
            # Clients that have waited take whatever is not `starting` for the end.
            prediction["status"] = "starting"
        answer = status.marked(jsonify(prediction))
        answer.status_code = 202 if applied and not status.ended else 201
        if applied:
            answer.headers["Preference-Applied"] = header.prefer
            answer.headers["Location"] = prediction["urls"]["get"]
        return answer
