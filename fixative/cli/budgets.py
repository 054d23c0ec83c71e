"""`fixative budgets`: what may be spent."""

from typing import Any

import click

from fixative.cli.api_client import connect
from fixative.cli.screen import print_json, stdout, table

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group()
def budgets() -> None:
    """What may be spent (takes a key of scope admin)."""


@budgets.command("set")
@click.option("--owner", metavar="NAME", help="Made if absent.")
@click.option("--key", metavar="ID", help="A key's id or prefix.")
@click.option("--all", "all_", is_flag=True, help="All owners together; for the day only.")
@click.option("--period", required=True, type=click.Choice(["day", "month", "total"]))
@click.option("--amount", metavar="N", help="US dollars, in each period.")
@click.option("--none", "lifted", is_flag=True, help="No limit any more.")
@as_json
def set_(
    *,
    owner: str | None,
    key: str | None,
    all_: bool,
    period: str,
    amount: str | None,
    lifted: bool,
    as_json: bool,
) -> None:
    """Have an owner, a key, or all together spend at most so much."""
    if (amount is None) != lifted:
        raise click.UsageError("exactly one of --amount, --none")
    holder = {"owner": owner, "key": key, "all": all_ or None}
    given = {name: value for name, value in holder.items() if value is not None}
    with connect() as api:
        found = api.put("/admin/budgets", {**given, "period": period, "amount": amount})["items"]
    _show(found, as_json=as_json)


@budgets.command("list")
@as_json
def list_(*, as_json: bool) -> None:
    """Every budget, and what its current period has seen."""
    with connect() as api:
        found = api.get("/admin/budgets")["items"]
    _show(found, as_json=as_json)


def _show(found: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    rows = table("owner", "key", "period", "amount, $>", "reserved>", "spent>")
    for budget in found:
        rows.add_row(
            budget["owner"] or "all together",
            budget["key"] or "",
            *(budget[name] for name in ("period", "amount", "reserved", "spent")),
        )
    stdout().print(rows)
