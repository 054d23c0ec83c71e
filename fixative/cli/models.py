"""`fixative models`: what is offered, and whether it still is what it was."""

import sys
from typing import Any

import click

from fixative.cli.api_client import connect
from fixative.cli.screen import moment, print_json, stdout, table

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group()
def models() -> None:
    """The models of the registry."""


@models.command("list")
@as_json
def list_(*, as_json: bool) -> None:
    """Every model of the registry."""
    with connect() as api:
        found = api.get("/models")["items"]
    if as_json:
        print_json(found)
        return
    rows = table("id", "kind", "runs", "price, $", "seconds", "at most")
    for model in found:
        rows.add_row(
            model["id"],
            model["kind"],
            model["model"] or model["version"] or model["deployment"],
            _price(model["price"]),
            _seconds(model["estimated_seconds"]),
            _seconds(model["max_seconds"]),
        )
    stdout().print(rows)


@models.command()
@click.option("--accept", is_flag=True, help="What is found now is right from now on.")
@as_json
def check(*, accept: bool, as_json: bool) -> None:
    """See which models have drifted; exit code 1 when one has (takes a key of scope admin)."""
    with connect() as api:
        found = api.post("/admin/models/check", {"accept": accept})["items"]
    if as_json:
        print_json(found)
    else:
        rows = table("model", "jobs seen", "right since (UTC)", "what differs")
        for model in found:
            told = "\n".join(f"{each['what']}: {each['detail']}" for each in model["differences"])
            rows.add_row(
                model["model"], str(model["jobs"]), moment(model["since"]), told or "nothing"
            )
        stdout().print(rows)
    if any(model["differences"] for model in found):
        sys.exit(1)


def _price(price: dict[str, Any] | None) -> str:
    told = [
        f"{amount} {name.replace('_', ' ')}" for name, amount in (price or {}).items() if amount
    ]
    return " + ".join(told) or "not known"


def _seconds(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds:g}"
