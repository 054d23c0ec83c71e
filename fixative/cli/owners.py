"""`fixative owners`: whose jobs there are."""

import click

from fixative.cli.api_client import connect, given
from fixative.cli.screen import moment, print_json, stdout, table

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group()
def owners() -> None:
    """Whose jobs there are (takes a key of scope admin)."""


@owners.command()
@click.argument("name")
@click.option("--weight", type=float, metavar="N", help="Twice the weight is twice the share.")
@click.option("--retention-days", type=int, metavar="N", help="So long its jobs are kept.")
@as_json
def create(*, name: str, weight: float | None, retention_days: int | None, as_json: bool) -> None:
    """Make an owner, or change what is said of one."""
    body = {"name": name, "weight": weight, "retention_days": retention_days}
    with connect() as api:
        made = api.post("/admin/owners", given(body))
    if as_json:
        print_json(made)
    else:
        click.echo(f"{made['id']} {name}")


@owners.command("rotate-secret")
@click.argument("name")
@as_json
def rotate_secret(*, name: str, as_json: bool) -> None:
    """Have an owner's webhooks signed with another secret; for a day with the old one too."""
    with connect() as api:
        rotated = api.post(f"/admin/owners/{name}/rotate-webhook-secret")
    if as_json:
        print_json(rotated)
        return
    click.echo(rotated["key"])
    click.echo(f"The old one signs too until {moment(rotated['old_until'])} UTC.", err=True)


@owners.command("list")
@as_json
def list_(*, as_json: bool) -> None:
    """Every owner, by name."""
    with connect() as api:
        found = api.get("/admin/owners")["items"]
    if as_json:
        print_json(found)
        return
    rows = table("id", "name", "weight", "kept, days", "created (UTC)")
    for owner in found:
        kept = owner["retention_days"]
        rows.add_row(
            owner["id"],
            owner["name"],
            f"{owner['weight']:g}",
            "as set" if kept is None else str(kept),
            moment(owner["created_at"]),
        )
    stdout().print(rows)
