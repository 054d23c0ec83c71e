"""Operation: hold submissions, look at how the system stands, settle what is unclear."""

from http import HTTPStatus
from typing import Any

from flask import Response
from flask_openapi3.blueprint import APIBlueprint

from api import answer_schemas as answers
from api import answer_schemas_operation as operation
from api.addresses import uuid_in_path
from api.auth import needs
from api.openapi import OF_A_JOB, problems, resource, with_headers
from api.schemas import JobPath
from api.schemas_operation import PauseScope, Settlement
from api.statuses import Statuses
from fixative.errors import InvalidRequest, Refused
from fixative.jobs.pauses import list_pauses, pause, resume
from fixative.jobs.settle import settle_absent, settle_created
from fixative.names import SWEEP, Hint
from fixative.postgres.engine import Database
from fixative.postgres.operation_tables import WorkerProcess
from fixative.recovery.state import count_in_review, list_workers, unrecorded_seconds
from fixative.replicate.client import Replicate
from fixative.replicate.pace import Pace, PaceState
from worker.publisher import Publisher, known_queue_lengths


def operation_routes(
    database: Database,
    publisher: Publisher,
    replicate: Replicate,
    statuses: Statuses,
    *,
    creates: Pace,
    reads: Pace,
) -> APIBlueprint:
    """The routes by which an operator steers."""
    routes = resource("operation", keys_only=True)

    @routes.post(
        "/admin/pause",
        description="All of them, a model's, an owner's, or those that are both. What Replicate"
        " has already goes on.",
        responses={200: operation.PauseItem, **problems(400, 404, 413, 415, 422)},
    )
    @needs("admin")
    def hold(body: PauseScope) -> dict[str, Any]:
        """Hold submissions; again is no harm."""
        with database.begin() as session:
            return vars(pause(session, model=body.model, owner=body.owner))

    @routes.delete("/admin/pause", responses={200: operation.Resumed, **problems(404, 422)})
    @needs("admin")
    def lift(query: PauseScope) -> dict[str, int]:
        """Lift the pause that the same model and owner made, and no other."""
        with database.begin() as session:
            return {"resumed": resume(session, model=query.model, owner=query.owner)}

    @routes.get("/admin/state", responses={200: operation.State})
    @needs("admin")
    def state() -> dict[str, Any]:
        """See the pace, the breaker, the queues, the workers, and what waits for a person."""
        with database.begin() as session:
            workers = [_worker(worker) for worker in list_workers(session)]
            pauses = [vars(held) for held in list_pauses(session)]
            needs_review = count_in_review(session)
            unrecorded = unrecorded_seconds(session)
        creating = creates.state()
        return {
            "pace": {"creates": _pace(creating), "reads": _pace(reads.state())},
            "breaker": _breaker(creating),
            "queues": known_queue_lengths(publisher),
            "workers": workers,
            "pauses": pauses,
            "needs_review": needs_review,
            "oldest_unrecorded_seconds": unrecorded,
        }

    @routes.post("/admin/sweep", responses={202: operation.Hinted})
    @needs("admin")
    def sweep() -> tuple[dict[str, bool], int]:
        """Have the rows that are due hinted again, now."""
        publisher.publish([Hint(SWEEP)])
        return {"hinted": True}, 202

    @routes.post(
        "/jobs/<job_id>/settle",
        description="For a job that waits as `needs_review`: either the prediction that its"
        " create made, or that it made none, and then another is paid for.",
        responses={
            200: with_headers(answers.Job, *OF_A_JOB),
            **problems(400, 404, 409, 410, 413, 415, 422),
        },
    )
    @needs("admin")
    def settle(path: JobPath, body: Settlement) -> Response:
        """Say what became of a create that stayed unclear."""
        job_id = uuid_in_path(path.job_id)
        try:
            hints = (
                settle_absent(database, job_id)
                if body.prediction is None
                else settle_created(database, replicate, job_id, body.prediction)
            )
        except Refused as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise
            raise InvalidRequest("prediction", "Replicate knows no such prediction") from error
        publisher.publish(hints)
        return statuses.read(job_id, None).answer()

    return routes


def _pace(state: PaceState | None) -> dict[str, Any] | None:
    if state is None:
        return None
    return {"per_minute": state.per_minute, "learned_per_minute": state.learned_per_minute}


def _breaker(state: PaceState | None) -> dict[str, Any] | None:
    if state is None:
        return None
    return {
        "closed_reason": state.closed_reason,
        "closed_until": state.closed_until,
        "failures": state.failures,
    }


def _worker(worker: WorkerProcess) -> dict[str, Any]:
    return {
        "name": worker.name,
        "pid": worker.pid,
        "started_at": worker.started_at,
        "seen_at": worker.seen_at,
        "canary_sent_at": worker.canary_sent_at,
        "canary_heard_at": worker.canary_heard_at,
    }
