"""Event streams: what becomes of a job, or of all jobs of an owner, as it happens."""

import uuid
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial

from flask import Response, request
from flask_openapi3.blueprint import APIBlueprint
from sqlalchemy.orm import Session

from api.addresses import uuid_in_path
from api.auth import Keys, needs, owner_seen, presented_in
from api.openapi import content, event, problems, resource
from api.schemas import JobPath
from api.schemas_events import EventsHeader, EventsQuery, JobEventsQuery
from api.streams import EventStream, as_events
from api.waiting import Watcher
from fixative.access.owners import find_owner
from fixative.errors import InvalidRequest, NotFound
from fixative.jobs.moves import Move, Which, end_of, newest_move
from fixative.jobs.store import find_job
from fixative.postgres.engine import Database

STREAM = content(
    "text/event-stream",
    event("status", "end"),
    "`status` for each move: the job's `id`, its `status`, `from`, `cause` and `at`; `end` after"
    " a job's last",
    "Cache-Control",
    example={
        "event": "status",
        "id": "4711",
        "data": '{"id":"019a3c1e-5b7d-7c3a-9f00-2d1e6a4b8c70","status":"succeeded",'
        '"from":"storing","cause":"task","at":"2026-01-01T12:00:02.040000Z"}',
    },
)


def event_routes(database: Database, watcher: Watcher, keys: Keys) -> APIBlueprint:
    """The routes whose answers go on."""
    routes = resource("events", keys_only=True)

    @routes.get("/jobs/<job_id>/events", responses={200: STREAM, **problems(404, 410, 422)})
    @needs("read")
    def of_job(path: JobPath, query: JobEventsQuery, header: EventsHeader) -> Response:
        """Follow one job until it has ended."""
        job_id, owner_id = uuid_in_path(path.job_id), owner_seen()

        def end(session: Session) -> Move | None:
            return end_of(session, find_job(session, job_id, owner_id=owner_id))

        return opened(Which(job_id=job_id), query.after, header.last_event_id, end)

    @routes.get("/events", responses={200: STREAM, **problems(404, 422)})
    @needs("read")
    def of_owner(query: EventsQuery, header: EventsHeader) -> Response:
        """Follow all your jobs, those that are submitted meanwhile too."""
        owner_id = owner_seen() if query.owner is None else named(query.owner)
        return opened(Which(owner_id=owner_id), query.after, header.last_event_id, lambda _: None)

    def named(owner: str) -> uuid.UUID:
        with database.begin() as session:
            owner_id = find_owner(session, owner).id
        if owner_seen() not in {None, owner_id}:
            raise NotFound(f"no owner {owner}")
        return owner_id

    def opened(
        which: Which,
        after: int | None,
        last_event_id: int | None,
        end: Callable[[Session], Move | None],
    ) -> Response:
        """The stream; whose end may have come is looked at once nothing can be missed."""
        field, told = (
            ("after", after) if last_event_id is None else ("Last-Event-ID", last_event_id)
        )
        with ExitStack() as closing:
            follower = closing.enter_context(watcher.follower(which, after=told or 0))
            with database.begin() as session:
                ended, newest = end(session), newest_move(session)
            if told is not None and told > newest:
                raise InvalidRequest(
                    field, "no event has this number yet: the database may be a new one"
                )
            if request.method == "HEAD":
                return as_events(None)
            stream = EventStream(
                database,
                follower,
                follower.began if told is None else told,
                ended=ended,
                may_go_on=partial(keys.still_opens, presented_in(request), "read"),
                closing=closing.pop_all(),
            )
        return as_events(stream)

    return routes
