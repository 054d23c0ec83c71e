"""What a prediction puts out, streamed as Replicate does."""

import uuid
from contextlib import ExitStack

from flask import Response, request
from flask_openapi3.blueprint import APIBlueprint
from werkzeug.exceptions import ServiceUnavailable

from api.auth import needs, owner_seen
from api.openapi import A_KEY, content, event, problems, resource
from api.prediction_stream import PredictionStream
from api.schemas_events import EventsHeader
from api.schemas_v1 import PredictionPath, StreamQuery
from api.statuses import Statuses
from api.streams import as_events
from api.waiting import Watcher
from fixative.replicate.output_stream import OutputStreams

STREAM = content(
    "text/event-stream",
    event("output", "logs", "error", "done"),
    "`output` and `logs` with text or a file's address, `error` and `done` with JSON",
    "Cache-Control",
    example={"event": "output", "id": "12", "data": "a lighthouse"},
)
STREAMED = {200: STREAM, **problems(401, 403, 404, 410, 422, 429, 503)}


def prediction_stream_routes(
    statuses: Statuses, watcher: Watcher, streams: OutputStreams
) -> APIBlueprint:
    """The route that `urls.stream` of a prediction leads to."""
    routes = resource("prediction-streams")

    @routes.get(
        "/v1/predictions/<id>/stream",
        description="What it puts out, as it does: `output` for text, for files once they are"
        " stored; `logs`; `error`; at last `done`. `urls.stream` needs no key. `Last-Event-ID` goes"
        " on where a stream broke. One that has ended is told from what is stored.",
        security=[{}, *A_KEY],
        responses=STREAMED,
    )
    @needs("read", or_link=True)
    def stream(path: PredictionPath, query: StreamQuery, header: EventsHeader) -> Response:  # noqa: ARG001
        """Follow a prediction's output."""
        return opened(path.id, header.last_event_id or 0)

    @routes.get(
        "/v1/files/<id>/stream",
        description="The same of a prediction whose output is files: from an address of this form"
        " clients make files of what comes.",
        security=[{}, *A_KEY],
        responses=STREAMED,
    )
    @needs("read", or_link=True)
    def stream_files(path: PredictionPath, query: StreamQuery, header: EventsHeader) -> Response:  # noqa: ARG001
        """Follow a prediction's files."""
        return opened(path.id, header.last_event_id or 0)

    def opened(id_: str, position: int) -> Response:
        job_id = uuid.UUID(statuses.read_prediction(id_, owner_seen()).job["id"])
        with ExitStack() as closing:
            waiter = closing.enter_context(watcher.waiter(job_id, end_only=False))
            if waiter is None:
                raise ServiceUnavailable("too many waits and event streams are under way")
            if request.method == "HEAD":
                return as_events(None)
            body = PredictionStream(
                job_id,
                position,
                statuses=statuses,
                streams=streams,
                waiter=waiter,
                closing=closing.pop_all(),
            )
        return as_events(body)

    return routes
