"""Recovery: what Replicate knows and the database does not, brought in on request."""

import time
import uuid
from typing import Any

from flask_openapi3.blueprint import APIBlueprint

from api import answer_schemas_recovery as answers
from api.addresses import uuid_in_path
from api.auth import needs
from api.openapi import problems, resource, with_headers
from api.places import Places
from api.prefer import wait_seconds
from api.schemas_recovery import MOST_RESULTS, SyncHeaders, SyncPath, SyncQuery, SyncRequest
from fixative.names import SYNC_HISTORY, Hint
from fixative.postgres.engine import Database
from fixative.postgres.sync_tables import SyncRun
from fixative.recovery.history_results import results_of
from fixative.recovery.history_runs import Walk, get_run, open_run
from worker.publisher import Publisher

DEFAULT_SECONDS = 50
LOOK_SECONDS = 0.25
MOST_WAITING = 16  # of those who wait in this process

Json = dict[str, Any]


def recovery_routes(database: Database, publisher: Publisher, waits: Places) -> APIBlueprint:
    """The routes of history sync; `waits` are the places of all who wait in this process."""
    routes = resource("recovery", keys_only=True)
    places = Places(MOST_WAITING, "syncs")

    @routes.post(
        "/sync-replicate-jobs",
        description="Makes jobs of predictions that have none and brings those that have one up to"
        " date. A sync of the same kind that is under way is joined. Where many wait for their"
        " answer already, 202 comes at once.",
        responses={
            200: answers.SyncEnded,
            202: with_headers(answers.SyncUnderWay, "Location"),
            **problems(400, 413, 415, 422),
        },
    )
    @needs("admin")
    def sync(header: SyncHeaders, body: SyncRequest) -> Json | tuple[Json, int, dict[str, str]]:
        """Sync with Replicate's history."""
        walk = Walk(body.bootstrap, body.since, body.until, body.max_predictions)
        with database.begin() as session:
            run_id = open_run(session, walk).id
        publisher.publish([Hint(SYNC_HISTORY, {"run_id": str(run_id)})])
        with places.one_if_free() as one, waits.one_if_free() as another:
            seconds = wait_seconds(header.prefer) or DEFAULT_SECONDS
            run = _watched(database, run_id, seconds if one and another else 0)
        if run.status == "running":
            under_way = {
                "message": "Sync is under way",
                "sync_id": run.id,
                "status": run.status,
            }
            return under_way, 202, {"Location": f"/syncs/{run.id}"}
        with database.begin() as session:
            return _ended(run, results_of(session, run, limit=MOST_RESULTS))

    @routes.get("/syncs/<sync_id>", responses={200: answers.Sync, **problems(404, 422)})
    @needs("admin")
    def show(path: SyncPath, query: SyncQuery) -> Json:
        """See how a sync stands."""
        with database.begin() as session:
            run = get_run(session, uuid_in_path(path.sync_id))
            results = results_of(session, run, limit=query.limit) if query.limit else []
        shown = answers.Sync.model_fields.keys() - {"results"}
        return {**{name: getattr(run, name) for name in shown}, "results": results}

    return routes


def _watched(database: Database, run_id: uuid.UUID, seconds: float) -> SyncRun:
    """The run once it has ended, or as it is after so many seconds. Holds no connection."""
    deadline = time.monotonic() + seconds
    while True:
        with database.begin() as session:
            run = get_run(session, run_id)
        if run.status != "running" or time.monotonic() >= deadline:
            return run
        time.sleep(LOOK_SECONDS)


def _ended(run: SyncRun, results: list[Json]) -> Json:
    common = {"sync_id": run.id, "status": run.status, "error": run.error}
    if run.mode == "bootstrap":
        return {
            "message": f"Bootstrap sync {_how(run)}",
            "mode": run.mode,
            "predictions_processed": run.predictions_checked,
            "jobs_created": run.jobs_created,
            "bootstrap_results": results,
            **common,
        }
    return {
        "message": f"Sync {_how(run)}",
        "jobs_processed": run.jobs_processed,
        "predictions_checked": run.predictions_checked,
        "jobs_updated": run.jobs_updated,
        "sync_results": results,
        **common,
    }


def _how(run: SyncRun) -> str:
    if run.status == "complete":
        return "completed successfully"
    if run.status == "failed":
        return f"failed: {run.error}"
    return f"stopped early: {run.error or f'{run.max_predictions} predictions were read'}"
