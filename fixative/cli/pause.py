"""`fixative pause` and `fixative resume`: hold submissions, and let them go."""

from collections.abc import Callable
from typing import Any

import click

from fixative.cli.api_client import connect, given
from fixative.cli.screen import print_json


def _scoped(command: Callable[..., None]) -> Callable[..., None]:
    """With the options that say whose submissions are meant."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print JSON."),
        click.option("--owner", metavar="NAME", help="Those of this owner only."),
        click.option("--model", metavar="OWNER/NAME", help="Those of this model only."),
    ):
        command = option(command)
    return command


@click.command()
@_scoped
def pause(*, model: str | None, owner: str | None, as_json: bool) -> None:
    """Hold submissions: all, of a model, of an owner, or of both together.

    What Replicate has already goes on, and jobs are still accepted.
    """
    with connect() as api:
        held: dict[str, Any] = api.post("/admin/pause", given({"model": model, "owner": owner}))
    if as_json:
        print_json(held)
    else:
        click.echo(f"{held['scope']} paused")


@click.command()
@_scoped
def resume(*, model: str | None, owner: str | None, as_json: bool) -> None:
    """Lift the pause that the same options made, and no other."""
    with connect() as api:
        lifted: dict[str, Any] = api.delete("/admin/pause", model=model, owner=owner)
    if as_json:
        print_json(lifted)
    else:
        click.echo("resumed" if lifted["resumed"] else "no such pause: nothing was lifted")
