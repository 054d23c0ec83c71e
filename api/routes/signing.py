"""The secrets that sign what owners are told: shown, and rotated."""

from typing import Any

from flask_openapi3.blueprint import APIBlueprint
from sqlalchemy.orm import Session

from api import answer_schemas_notifications as answers
from api.auth import caller, needs
from api.openapi import problems, resource
from api.schemas import OwnerPath
from fixative.access.owners import find_owner, get_owner, rotate_webhook_secret
from fixative.notify.signing import Secrets, good_until
from fixative.postgres.engine import Database
from fixative.postgres.tables import Owner

GRACE = "For 24 hours the one of before signs too. 200 with the new one, which signs from now on."


def signing_routes(database: Database, secrets: Secrets) -> APIBlueprint:
    """The owners' webhook secrets."""
    routes = resource("signing", keys_only=True)

    @routes.get("/webhooks/default/secret", responses={200: answers.WebhookSecret})
    @needs("submit")
    def show() -> dict[str, str]:
        """Get the secret that signs the webhooks of your jobs (Standard Webhooks)."""
        return _shown()

    @routes.get("/v1/webhooks/default/secret", responses={200: answers.WebhookSecret})
    @needs("submit")
    def show_to_clients() -> dict[str, str]:
        """Get it as Replicate's clients do."""
        return _shown()

    @routes.post(
        "/webhooks/default/secret/rotate",
        description=GRACE,
        responses={200: answers.RotatedSecret},
    )
    @needs("submit")
    def rotate() -> dict[str, Any]:
        """Have your webhooks signed with another secret."""
        with database.begin() as session:
            return _rotated(session, get_owner(session, caller().owner_id))

    @routes.post(
        "/admin/owners/<name>/rotate-webhook-secret",
        description=GRACE,
        responses={200: answers.RotatedSecret, **problems(404)},
    )
    @needs("admin")
    def rotate_of(path: OwnerPath) -> dict[str, Any]:
        """Have an owner's webhooks signed with another secret."""
        with database.begin() as session:
            return _rotated(session, find_owner(session, path.name))

    def _shown() -> dict[str, str]:
        with database.begin() as session:
            return {"key": secrets.of_owner(get_owner(session, caller().owner_id))}

    def _rotated(session: Session, owner: Owner) -> dict[str, Any]:
        now = rotate_webhook_secret(session, owner.id)
        return {"key": secrets.of_owner(now), "old_until": good_until(now)}

    return routes
