"""`fixative keys`: who may use the API."""

import click

from fixative.cli.api_client import connect, given
from fixative.cli.screen import moment, print_json, stdout, table

EVERY_KEY = 10_000

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group()
def keys() -> None:
    """Who may use the API (takes a key of scope admin)."""


@keys.command()
@click.option("--owner", required=True, metavar="NAME", help="Made if absent.")
@click.option("--scopes", metavar="A,B", help="submit, read, cancel, media, passthrough, admin.")
@as_json
def create(*, owner: str, scopes: str | None, as_json: bool) -> None:
    """A new key. It is shown now and never again."""
    wanted = [scope.strip() for scope in scopes.split(",")] if scopes is not None else None
    with connect() as api:
        made = api.post("/admin/keys", given({"owner": owner, "scopes": wanted}))
    if as_json:
        print_json({name: made[name] for name in ("id", "prefix", "key")})
        return
    click.echo(made["key"])
    click.echo(f"Key {made['prefix']} of {owner}: keep it, it is not shown again.", err=True)


@keys.command("list")
@as_json
def list_(*, as_json: bool) -> None:
    """Every key, revoked ones too."""
    with connect() as api:
        found = list(api.items("/admin/keys", EVERY_KEY))
    if as_json:
        print_json(found)
        return
    rows = table("id", "prefix", "owner", "scopes", "created (UTC)", "revoked (UTC)")
    for key in found:
        rows.add_row(
            key["id"],
            key["prefix"],
            key["owner"],
            ",".join(key["scopes"]),
            moment(key["created_at"]),
            moment(key["revoked_at"]),
        )
    stdout().print(rows)


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
