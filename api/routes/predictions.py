"""Predictions as Replicate serves them: for its own clients, each is a job that lasts."""

import uuid
from functools import partial
from typing import Any

from flask import Response, jsonify
from flask_openapi3.blueprint import APIBlueprint

from api import answer_schemas_v1 as answers
from api.addresses import base_url
from api.auth import needs, owner_seen
from api.holding import Holding
from api.openapi import problems, resource
from api.replicate_pages import addresses, find_page
from api.routes.prediction_creates import add_creates
from api.schemas_v1 import PredictionFilter, PredictionPath
from api.statuses import Status
from api.submissions import Submissions
from fixative.jobs.cancel import request_cancel
from fixative.jobs.job_query import JobQuery
from fixative.jobs.listing import list_jobs
from fixative.jobs.store import find_job
from fixative.postgres.engine import Database
from fixative.settings import Settings
from worker.publisher import Publisher

CANCELED_WITHIN = "wait=5"  # Replicate answers once it is; we do if that is soon


def prediction_routes(
    settings: Settings,
    database: Database,
    publisher: Publisher,
    *,
    submissions: Submissions,
    holding: Holding,
) -> APIBlueprint:
    """The routes under /v1 that make predictions, and those about what there is."""
    routes = resource("predictions", keys_only=True)
    statuses = submissions.statuses
    add_creates(routes, submissions, holding)

    @routes.get("/v1/predictions", responses={200: answers.PredictionPage, **problems(422)})
    @needs("read")
    def list_page(query: PredictionFilter) -> dict[str, Any]:
        """List your predictions, newest first, a hundred at a time."""
        wanted = JobQuery(
            owner_id=owner_seen(),
            created_after=query.created_after,
            created_before=query.created_before,
            made_in_web=query.source == "web",
        )
        with database.begin() as session:
            read = partial(list_jobs, session, wanted, whole=True)
            jobs, older, newer = find_page(read, query.cursor)
            results = statuses.show_predictions(session, jobs)
        return {**addresses(base_url(settings), older, newer), "results": results}

    @routes.get("/v1/predictions/<id>", responses={200: answers.Prediction, **problems(404, 410)})
    @needs("read")
    def show(path: PredictionPath) -> Response:
        """Look at a prediction, by its id here or the one it has at Replicate."""
        return shown(statuses.read_prediction(path.id, owner_seen()))

    @routes.post(
        "/v1/predictions/<id>/cancel", responses={200: answers.Prediction, **problems(404, 410)}
    )
    @needs("cancel")
    def cancel(path: PredictionPath) -> Response:
        """Cancel a prediction; answered once it has ended, or after five seconds."""
        job_id = uuid.UUID(statuses.read_prediction(path.id, owner_seen()).job["id"])
        with database.begin() as session:
            hints = request_cancel(session, find_job(session, job_id, owner_id=owner_seen()))
        publisher.publish(hints)
        asked = statuses.read(job_id, owner_seen())
        status, _ = holding.until_ended(job_id, owner_seen(), CANCELED_WITHIN, asked)
        return shown(status)

    def shown(status: Status) -> Response:
        return status.marked(jsonify(statuses.as_prediction(status)))

    return routes
