"""Administration: keys."""

from typing import Any

from flask_openapi3.blueprint import APIBlueprint
from sqlalchemy.orm import Session

from api import answer_schemas_access as answers
from api.auth import needs
from api.openapi import problems, resource
from api.schemas import KeyPath, KeyRequest
from fixative.access.keys import DEFAULT_SCOPES, create_key, list_keys, revoke_key
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
        scopes = body.scopes or DEFAULT_SCOPES
        with database.begin() as session:
            made = create_key(session, pepper, body.owner, scopes)
        shown = {
            "id": made.id,
            "prefix": made.prefix,
            "key": made.key,
            "owner": body.owner,
            "scopes": scopes,
            "created_at": made.created_at,
        }
        return shown, 201

    @routes.post("/admin/keys/<key_id>/revoke", responses={200: answers.KeyItem, **problems(404)})
    @needs("admin")
    def revoke(path: KeyPath) -> dict[str, Any]:
        """Revoke a key by its id or prefix: within 5 s it opens nothing; again is no harm."""
        with database.begin() as session:
            return _item(session, revoke_key(session, path.key_id))

    return routes


def _item(session: Session, key: ApiKey) -> dict[str, Any]:
    return {
        "id": key.id,
        "prefix": key.prefix,
        "owner": get_owner(session, key.owner_id).name,
        "scopes": key.scopes,
        "created_at": key.created_at,
        "revoked_at": key.revoked_at,
    }
