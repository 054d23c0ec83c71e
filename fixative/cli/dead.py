"""`fixative dead`: tasks that ended for good, and having them tried again."""

import click

from fixative.cli.api_client import connect, given
from fixative.cli.screen import moment, print_json, stdout, table

MOST_SHOWN = 10_000

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group()
def dead() -> None:
    """Tasks that ended for good without doing their work (takes a key of scope admin)."""


@dead.command("list")
@click.option("--task", metavar="NAME", help="Of this task only.")
@click.option("--job", metavar="ID", help="Of this job only.")
@click.option("--requeued", is_flag=True, help="Those that were tried again.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, MOST_SHOWN))
@as_json
def list_(*, task: str | None, job: str | None, requeued: bool, limit: int, as_json: bool) -> None:
    """Dead letters, newest first."""
    query = given({"task": task, "job": job, "requeued": "true" if requeued else None})
    with connect() as api:
        found = list(api.items("/admin/dead-letters", limit, **query))
    if as_json:
        print_json(found)
        return
    rows = table("id", "task", "job", "error", "attempts", "at (UTC)")
    for letter in found:
        rows.add_row(
            letter["id"],
            letter["task"],
            letter["job_id"] or "",
            f"{letter['error_class']}: {letter['message']}"[:80],
            str(letter["attempts"]),
            moment(letter["created_at"]),
        )
    stdout().print(rows)


@dead.command()
@click.argument("letter_id", metavar="ID")
@as_json
def show(*, letter_id: str, as_json: bool) -> None:
    """One letter, with the traceback."""
    with connect() as api:
        letter = api.get(f"/admin/dead-letters/{letter_id}")
    if as_json:
        print_json(letter)
        return
    for name in ("id", "task", "arguments", "job_id", "attempts", "created_at", "requeued_at"):
        click.echo(f"{name:<12} {letter[name]}")
    click.echo(f"\n{letter['traceback']}")


@dead.command()
@click.argument("letter_ids", metavar="[ID…]", nargs=-1)
@click.option("--task", metavar="NAME", help="All of this task.")
@click.option("--all", "everything", is_flag=True, help="All there are.")
@as_json
def requeue(
    *, letter_ids: tuple[str, ...], task: str | None, everything: bool, as_json: bool
) -> None:
    """Have letters tried again: those named, those of a task, or all."""
    if sum((bool(letter_ids), task is not None, everything)) != 1:
        raise click.UsageError("name letters, or one of --task and --all")
    wanted = given({"ids": list(letter_ids) or None, "task": task, "all": everything or None})
    with connect() as api:
        answer = api.post("/admin/dead-letters/requeue", wanted)
    if as_json:
        print_json(answer)
    else:
        click.echo(f"{answer['requeued']} requeued")
