"""`fixative notifications`: what subscribers are told, and having them told."""

from typing import Any

import click

from fixative.cli.api_client import connect, given
from fixative.cli.job_filters import filters
from fixative.cli.screen import as_json, moment, print_json, stdout, table

MOST_SHOWN = 10_000
OVER = ("delivered", "given_up")
SOURCES = ("api", "v1", "sync", "replay", "rebuild")

owner_id = click.option("--owner", metavar="ID", help="Of this owner only, by its id.")
job_id = click.option("--job", metavar="ID", help="Of this job only.")


@click.group()
def notifications() -> None:
    """What owners' own services are told (takes a key of scope admin)."""


@notifications.command("list")
@owner_id
@job_id
@click.option("--state", type=click.Choice(("pending", *OVER)))
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, MOST_SHOWN))
@as_json
def list_(
    *, owner: str | None, job: str | None, state: str | None, limit: int, as_json: bool
) -> None:
    """Notifications, newest first."""
    with connect() as api:
        query = given({"owner": owner, "job": job, "state": state})
        found = list(api.items("/admin/notifications", limit, **query))
    if as_json:
        print_json(found)
        return
    rows = table("id", "job", "event", "state", "tries>", "at (UTC)", "to", "last")
    for told in found:
        last = told["log"][-1] if told["log"] else {"status": None, "error": None}
        rows.add_row(
            told["id"],
            told["job_id"],
            told["event"],
            told["state"],
            str(told["tries"]),
            moment(told["at"]),
            told["url"],
            last["error"] or str(last["status"] or ""),
        )
    stdout().print(rows)


@notifications.command()
@click.argument("ids", metavar="[ID…]", nargs=-1)
@click.option("--state", type=click.Choice(OVER), help="All of this state.")
@owner_id
@job_id
@as_json
def replay(
    *, ids: tuple[str, ...], state: str | None, owner: str | None, job: str | None, as_json: bool
) -> None:
    """Have those told once more that are over: those named, or all of a state."""
    if bool(ids) == bool(state):
        raise click.UsageError("name notifications, or give --state")
    wanted = given({"ids": list(ids) or None, "state": state, "owner": owner, "job": job})
    with connect() as api:
        answer = api.post("/admin/notifications/replay", wanted)
    if as_json:
        print_json(answer)
    else:
        click.echo(f"{answer['replayed']} told once more")


@notifications.command()
@filters
@click.option("--source", type=click.Choice(SOURCES), help="Of jobs that came by this only.")
@click.option("--all", "everything", is_flag=True, help="Of all jobs there are.")
@as_json
def publish(*, everything: bool, as_json: bool, **asked: Any) -> None:
    """Have the ends of all jobs told that the options find, as after a replay.

    To whoever wants them told; what was told is told again under its own id.
    """
    chosen = given(asked)
    if bool(chosen) == everything:
        raise click.UsageError("say by options which, or --all")
    with connect() as api:
        which = {"all": True} if everything else {"filter": chosen}
        told = api.post_all("/admin/notifications/publish", which)
    if as_json:
        print_json(told)
    else:
        ends = f"{told['made'] + told['again']} ends of {told['looked_at']} jobs"
        click.echo(f"{ends} published, {told['again']} of them once more")
