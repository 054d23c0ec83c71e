"""`fixative keys`: who may use the API."""

from typing import Any

import click

from fixative.cli.api_client import connect, given
from fixative.cli.instants import Instant
from fixative.cli.screen import moment, print_json, stdout, table

EVERY_KEY = 10_000
INSTANTS = {
    "created_at": "created (UTC)",
    "last_used_at": "last used (UTC)",
    "expires_at": "expires (UTC)",
    "revoked_at": "revoked (UTC)",
}

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group()
def keys() -> None:
    """Who may use the API (takes a key of scope admin)."""


@keys.command()
@click.option("--owner", required=True, metavar="NAME", help="Made if absent.")
@click.option("--scopes", metavar="A,B", help="submit, read, cancel, media, passthrough, admin.")
@click.option("--expires", type=Instant(), metavar="T", help="It opens nothing from then on.")
@click.option("--allow", metavar="CIDR,…", help="The networks that it may be used from.")
@click.option("--per-minute", type=click.IntRange(1), metavar="N", help="Requests, at most.")
@as_json
def create(
    *,
    owner: str,
    scopes: str | None,
    expires: str | None,
    allow: str | None,
    per_minute: int | None,
    as_json: bool,
) -> None:
    """A new key. It is shown now and never again."""
    body = {
        "owner": owner,
        "scopes": _listed(scopes),
        "expires_at": expires,
        "allow": _listed(allow),
        "per_minute": per_minute,
    }
    with connect() as api:
        made = api.post("/admin/keys", given(body))
    _show_new(made, as_json=as_json)


@keys.command("list")
@as_json
def list_(*, as_json: bool) -> None:
    """Every key, revoked ones too."""
    with connect() as api:
        found = list(api.items("/admin/keys", EVERY_KEY))
    if as_json:
        print_json(found)
        return
    rows = table(*("id", "prefix", "owner", "scopes", "from", "a minute>"), *INSTANTS.values())
    for key in found:
        rows.add_row(
            key["id"],
            key["prefix"],
            key["owner"],
            ",".join(key["scopes"]),
            ",".join(key["allow"] or []),
            str(key["per_minute"] or ""),
            *(moment(key[instant]) for instant in INSTANTS),
        )
    stdout().print(rows)


@keys.command()
@click.argument("key_id", metavar="ID")
@click.option(
    "--grace",
    type=click.IntRange(0),
    metavar="SECONDS",
    help="So long the old one is good; a day when left out.",
)
@as_json
def rotate(*, key_id: str, grace: int | None, as_json: bool) -> None:
    """A new key like the one of this id or prefix, which is revoked after its grace."""
    how = "" if grace is None else f"?grace_seconds={grace}"
    with connect() as api:
        made = api.post(f"/admin/keys/{key_id}/rotate{how}")
    _show_new(made, as_json=as_json)


@keys.command()
@click.argument("key_id", metavar="ID")
@as_json
def revoke(*, key_id: str, as_json: bool) -> None:
    """Close a key for good, by its id or prefix."""
    with connect() as api:
        revoked = api.post(f"/admin/keys/{key_id}/revoke")
    if as_json:
        print_json(revoked)
    else:
        click.echo(f"{key_id} revoked")


def _listed(text: str | None) -> list[str] | None:
    return None if text is None else [part.strip() for part in text.split(",")]


def _show_new(made: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json({name: made[name] for name in ("id", "prefix", "key")})
        return
    click.echo(made["key"])
    whose = f"Key {made['prefix']} of {made['owner']}"
    click.echo(f"{whose}: keep it, it is not shown again.", err=True)
