"""Notifications: what subscribers are told, and telling it once more."""

from typing import Any

from flask_openapi3.blueprint import APIBlueprint

from api import answer_schemas_notifications as answers
from api.addresses import uuid_in_path
from api.auth import needs
from api.cursors import page_of, read_cursor, write_cursor
from api.openapi import problems, resource
from api.schemas_notifications import (
    NotificationFilter,
    NotificationPath,
    NotificationReplay,
    PublishSelection,
)
from fixative.errors import NotFound
from fixative.notify.notifications import NotificationQuery, list_notifications, replay, state_of
from fixative.notify.publish import Published, publish
from fixative.postgres.engine import Database
from fixative.postgres.notification_tables import Notification


def notification_routes(database: Database) -> APIBlueprint:
    """The routes under /admin/notifications."""
    routes = resource("notifications", keys_only=True)

    @routes.get("/admin/notifications", responses={200: answers.NotificationPage, **problems(422)})
    @needs("admin")
    def list_page(query: NotificationFilter) -> dict[str, Any]:
        """List what subscribers are told, newest first, with each try."""
        wanted = NotificationQuery(owner_id=query.owner, job_id=query.job, state=query.state)
        with database.begin() as session:
            before = read_cursor(query.cursor)
            found = list_notifications(session, wanted, before=before, limit=query.limit + 1)
        return page_of(found, query.limit, _item)

    @routes.post(
        "/admin/notifications/replay",
        responses={202: answers.Replayed, **problems(400, 413, 415, 422)},
    )
    @needs("admin")
    def replay_many(body: NotificationReplay) -> tuple[dict[str, int], int]:
        """Have those told once more that are over: those named, or all of a state."""
        wanted = NotificationQuery(owner_id=body.owner, job_id=body.job, state=body.state)
        with database.begin() as session:
            return {"replayed": replay(session, wanted, body.ids)}, 202

    @routes.post(
        "/admin/notifications/publish",
        description="Of each ended job with an address, its own or else its owner's, that is to be"
        " told of such an end. An end that was told is told again under its own id; one that still"
        " waits is left to; none ever has two. `next` goes on where the limit was reached.",
        responses={202: answers.Published, **problems(400, 413, 415, 422)},
    )
    @needs("admin")
    def publish_many(body: PublishSelection) -> tuple[dict[str, Any], int]:
        """Have the ends of all jobs told that a filter finds, as after a replay."""
        published = publish(
            database,
            body.query(None),
            source=None if body.filter is None else body.filter.source,
            before=read_cursor(body.cursor),
            limit=body.limit,
        )
        return _published(published), 202

    @routes.post(
        "/admin/notifications/<notification_id>/replay",
        responses={202: answers.Replayed, **problems(404)},
    )
    @needs("admin")
    def replay_one(path: NotificationPath) -> tuple[dict[str, int], int]:
        """Have one told once more; one that is not over is told anyway."""
        id_ = uuid_in_path(path.notification_id)
        with database.begin() as session:
            if session.get(Notification, id_) is None:
                raise NotFound(f"no notification {id_}")
            return {"replayed": replay(session, NotificationQuery(), [id_])}, 202

    return routes


def _published(published: Published) -> dict[str, Any]:
    return {
        "looked_at": published.looked_at,
        "made": published.made,
        "again": published.again,
        "next": published.last and write_cursor(published.last),
    }


def _item(notification: Notification) -> dict[str, Any]:
    told = {
        name: getattr(notification, name)
        for name in answers.NotificationItem.model_fields
        if name != "state"
    }
    return {**told, "state": state_of(notification)}
