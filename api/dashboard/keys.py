"""Keys: made, seen once, replaced and revoked."""

from datetime import timedelta

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from api.dashboard import owners
from api.dashboard.faults import Faulty, told_beside
from api.dashboard.may import need
from api.dashboard.parts import Parts
from api.dashboard.texts import number
from api.schemas_keys import KeyRequest
from fixative.access.caller import SCOPES
from fixative.access.keys import (
    DEFAULT_SCOPES,
    GRACE,
    NewKey,
    create_key,
    list_keys,
    revoke_key,
    rotate_key,
)
from fixative.access.owners import list_owners

FAULTS = ("key_fault", "owner_fault", "budget_fault")
GRACES = {"0": "at once", "3600": "in an hour", "86400": "in a day", "604800": "in a week"}


def add(pages: Blueprint, parts: Parts) -> None:
    """Add the page, and its forms."""
    pepper = parts.settings.fixative_admin_key.get_secret_value()

    @pages.get("/keys")
    def keys() -> str:
        """Keys, owners and budgets."""
        need("admin")
        return page(parts)

    @pages.post("/keys")
    def keys_create() -> Response:
        """The page once more, with the new key on it: it is never shown again."""
        need("admin")
        try:
            with told_beside(), parts.database.begin() as session:
                wanted = _wanted()
                scopes = wanted.scopes or DEFAULT_SCOPES
                limits = wanted.model_dump(exclude={"owner", "scopes"})
                made = create_key(session, pepper, wanted.owner, scopes, **limits)
        except Faulty as fault:
            return make_response(page(parts, key_fault=fault), fault.status)
        return make_response(page(parts, made=made))

    @pages.post("/keys/<key_id>/rotate")
    def keys_rotate(key_id: str) -> Response:
        """The page once more, with the key that replaces this one."""
        need("admin")
        asked = request.form.get("grace")
        grace = timedelta(seconds=int(asked)) if asked in GRACES else GRACE
        with parts.database.begin() as session:
            made = rotate_key(session, pepper, key_id, grace)
        return make_response(page(parts, made=made))

    @pages.post("/keys/<key_id>/revoke")
    def keys_revoke(key_id: str) -> Response:
        """It opens nothing any more, within 5 s."""
        need("admin")
        with parts.database.begin() as session:
            revoke_key(session, key_id)
        return redirect(url_for("ui.keys"))

    owners.add(pages, parts, page)


def page(
    parts: Parts,
    *,
    made: NewKey | None = None,
    **faults: Faulty,
) -> str:
    """The page, with a new key, or with what is wrong with one of its forms."""
    with parts.database.begin() as session:
        names = {owner.id: owner.name for owner in list_owners(session)}
        shown = {"keys": list_keys(session), **owners.shown(session)}
    return render_template(
        "keys.html",
        **shown,
        names=names,
        made=made,
        scopes=SCOPES,
        default_scopes=DEFAULT_SCOPES,
        graces=GRACES,
        asked=request.form,
        **{name: faults.get(name) for name in FAULTS},
    )


def _wanted() -> KeyRequest:
    form = request.form
    day = form.get("expires_at", "")
    body = {
        "owner": form.get("owner", "").strip(),
        "scopes": form.getlist("scopes") or None,
        "expires_at": f"{day}T00:00:00Z" if day else None,
        "allow": form.get("allow", "").replace(",", " ").split() or None,
        "per_minute": number(form.get("per_minute", "")),
    }
    return KeyRequest.model_validate(body)
