"""Administration: keys."""

from datetime import timedelta
from typing import Any

from flask_openapi3.blueprint import APIBlueprint
from sqlalchemy.orm import Session

from api import answer_schemas_access as answers
from api.auth import needs
from api.openapi import problems, resource
from api.schemas_keys import KeyPath, KeyRequest, Rotation
from fixative.access.keys import (
    DEFAULT_SCOPES,
    NewKey,
    create_key,
    list_keys,
    revoke_key,
    rotate_key,
)
from fixative.access.owners import get_owner
from fixative.postgres.engine import Database
from fixative.postgres.tables import ApiKey


def admin_routes(database: Database, pepper: str) -> APIBlueprint:
    """The routes under /admin."""
    routes = resource("admin", keys_only=True)

    @routes.get("/admin/keys", responses={200: answers.KeyPage})
    @needs("admin")
    def show_keys() -> dict[str, Any]:
        """List every key, newest first, revoked ones too; never the keys themselves."""
        with database.begin() as session:
            return {"items": [_item(session, key) for key in list_keys(session)], "next": None}

    @routes.post("/admin/keys", responses={201: answers.NewKey, **problems(400, 413, 415, 422)})
    @needs("admin")
    def make_key(body: KeyRequest) -> tuple[dict[str, Any], int]:
        """Make a key; the answer is the only place that ever shows it."""
        limits = body.model_dump(exclude={"owner", "scopes"})
        with database.begin() as session:
            scopes = body.scopes or DEFAULT_SCOPES
            return _made(session, create_key(session, pepper, body.owner, scopes, **limits)), 201

    @routes.post(
        "/admin/keys/<key_id>/rotate",
        description="The new one has the owner, the scopes, the networks, the limit and the end of"
        " the old. 409 for one that is revoked, expired, or has been rotated already.",
        responses={201: answers.NewKey, **problems(404, 409, 422)},
    )
    @needs("admin")
    def rotate(path: KeyPath, query: Rotation) -> tuple[dict[str, Any], int]:
        """Replace a key, by its id or prefix; the old one is revoked after its grace."""
        grace = timedelta(seconds=query.grace_seconds)
        with database.begin() as session:
            return _made(session, rotate_key(session, pepper, path.key_id, grace)), 201

    @routes.post("/admin/keys/<key_id>/revoke", responses={200: answers.KeyItem, **problems(404)})
    @needs("admin")
    def revoke(path: KeyPath) -> dict[str, Any]:
        """Revoke a key by its id or prefix: within 5 s it opens nothing; again is no harm."""
        with database.begin() as session:
            return _item(session, revoke_key(session, path.key_id))

    return routes


def _made(session: Session, made: NewKey) -> dict[str, Any]:
    return {**_item(session, made.row), "key": made.key}


def _item(session: Session, key: ApiKey) -> dict[str, Any]:
    shown = answers.KeyItem.model_fields.keys() - {"owner"}
    owner = get_owner(session, key.owner_id).name
    return {**{name: getattr(key, name) for name in shown}, "owner": owner}
