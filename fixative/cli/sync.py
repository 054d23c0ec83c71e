"""`fixative sync`: Replicate's history walked back, with progress."""

import sys
import time
from typing import Any

import click

from fixative.cli import api_client
from fixative.cli.api_client import Api, connect
from fixative.cli.bar import Bar
from fixative.cli.instants import Instant
from fixative.cli.screen import count, print_json, status_text, stdout, table

COUNTED = ("pages", "predictions_checked", "jobs_created", "jobs_updated", "skipped")


@click.command()
@click.option("--bootstrap", is_flag=True, help="Walk all of it, to its beginning.")
@click.option("--since", type=Instant(), metavar="T", help="Walk back to this time.")
@click.option("--until", type=Instant(), metavar="T", help="Leave out what is not older.")
@click.option("--max-predictions", type=click.IntRange(1), metavar="N", help="Read no more.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def sync(
    *,
    bootstrap: bool,
    since: str | None,
    until: str | None,
    max_predictions: int | None,
    as_json: bool,
) -> None:
    """Bring in what Replicate knows and the database does not.

    Alone it walks back to the last complete sync. One that is under way is followed, not doubled.
    Interrupting this command leaves the sync running. Exit code 1 when it did not get to its end.
    """
    body = {
        "bootstrap": bootstrap,
        "since": since,
        "until": until,
        "max_predictions": max_predictions,
    }
    with connect() as api:
        begun = api.post("/sync-replicate-jobs", body, headers={"Prefer": "wait=1"})
        run = _followed(api, begun["sync_id"])
    if as_json:
        print_json(run)
    else:
        _show(run)
    sys.exit(int(run["status"] == "failed" or bool(run["error"])))


def _followed(api: Api, sync_id: str) -> dict[str, Any]:
    """The run once it has ended; a bar follows it there."""
    with Bar("syncing") as bar:
        while True:
            run: dict[str, Any] = api.get(f"/syncs/{sync_id}", limit=0)
            read, new = run["predictions_checked"], run["jobs_created"]
            done = f"{count(read)} read, {count(new)} new"
            bar.stand(done, completed=read, total=run["max_predictions"])
            if run["status"] != "running":
                if not run["error"]:
                    bar.fill()
                return run
            time.sleep(api_client.PAUSE_SECONDS)


def _show(run: dict[str, Any]) -> None:
    out = stdout()
    shown = table("sync", run["id"])
    shown.add_row("status", status_text(run["status"]))
    for name in COUNTED:
        shown.add_row(name.replace("_", " "), count(run[name]))
    out.print(shown)
    if run["error"]:
        out.print(run["error"], style="red")
    if run["status"] == "partial":
        click.echo("The next sync of this kind goes on from where it stopped.", err=True)
