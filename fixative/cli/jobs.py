"""`fixative jobs`: look at jobs, stop them, take them up again, and settle what is unclear."""

import sys
from typing import Any

import click
from rich.table import Table

from fixative.cli.api_client import ApiError, connect
from fixative.cli.job_filters import filters
from fixative.cli.job_operations import cancel, retry
from fixative.cli.screen import (
    as_json,
    error_lines,
    media_table,
    moment,
    print_json,
    status_text,
    stdout,
    table,
)


@click.group()
def jobs() -> None:
    """Look at jobs, stop them, take them up again, settle what is unclear."""


jobs.add_command(cancel)
jobs.add_command(retry)


@jobs.command("list")
@filters
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1))
@as_json
def list_(*, limit: int, as_json: bool, **asked: Any) -> None:
    """The newest jobs that the options find."""
    with connect() as api:
        found = list(api.items("/jobs", limit, **asked))
    if as_json:
        print_json(found)
    else:
        stdout().print(_jobs_table(found))


@jobs.command()
@click.argument("job_id", metavar="ID")
@as_json
def show(*, job_id: str, as_json: bool) -> None:
    """One job, with its media and their links."""
    with connect() as api:
        job = api.get(f"/jobs/{job_id}")
    if as_json:
        print_json(job)
        return
    out = stdout()
    facts = table("", "")
    facts.show_header = False
    for name, value in _facts(job):
        facts.add_row(name, value)
    out.print(facts)
    if job["media"]:
        out.print()
        out.print(media_table(job["media"]))


@jobs.command()
@click.argument("job_ids", metavar="ID...", nargs=-1, required=True)
def delete(*, job_ids: tuple[str, ...]) -> None:
    """Delete finished jobs with all their files, for good.

    All are tried; exit code 1 when one could not be deleted.
    """
    refused = False
    with connect() as api:
        for job_id in job_ids:
            try:
                api.delete(f"/jobs/{job_id}")
            except ApiError as error:
                refused = True
                click.echo(f"fixative: {job_id}: {error}", err=True)
            else:
                click.echo(f"{job_id} deleted")
    sys.exit(int(refused))


@jobs.command()
@click.argument("job_id", metavar="ID")
@click.option("--prediction", metavar="P", help="What its create made, by Replicate's id.")
@click.option("--absent", is_flag=True, help="It made nothing: another is paid for.")
@as_json
def settle(*, job_id: str, prediction: str | None, absent: bool, as_json: bool) -> None:
    """Say what became of a create that stayed unclear (takes a key of scope admin)."""
    if (prediction is not None) == absent:
        raise click.UsageError("exactly one of --prediction and --absent")
    body = {"absent": True} if absent else {"prediction": prediction}
    with connect() as api:
        job = api.post(f"/jobs/{job_id}/settle", body)
    if as_json:
        print_json(job)
    else:
        click.echo(f"{job['id']} {job['status']}")


@jobs.command()
@click.argument("job_id", metavar="ID")
@as_json
def timeline(*, job_id: str, as_json: bool) -> None:
    """Everything that happened to a job, in order, each with its cause."""
    with connect() as api:
        items = api.get(f"/jobs/{job_id}/timeline")["items"]
    if as_json:
        print_json(items)
        return
    rows = table("at (UTC)", "what", "cause", "from", "to", "detail")
    for item in items:
        rows.add_row(
            item["at"].replace("T", " ")[:23],
            item["kind"],
            *(str(item.get(name) or "") for name in ("cause", "from", "to", "detail")),
        )
    stdout().print(rows)


def _jobs_table(found: list[dict[str, Any]]) -> Table:
    rows = table("id", "status", "type", "model", "label", "created (UTC)")
    for job in found:
        rows.add_row(
            job["id"],
            status_text(job["status"]),
            job["job_type"],
            _target(job),
            job["label"],
            moment(job["created_at"]),
        )
    return rows


def _why(waiting: dict[str, Any]) -> str:
    until = waiting["until"]
    return f"{waiting['reason']} until {moment(until)}" if until else str(waiting["reason"])


def _candidates(waiting: dict[str, Any] | None) -> list[str]:
    """What there is to choose from when settling."""
    return [
        f"{found['id']} {found['status']}, created {moment(found['created_at'])}"
        f"{', same input' if found['same_input'] else ''}"
        for found in (waiting or {}).get("candidates") or []
    ]


def _facts(job: dict[str, Any]) -> list[tuple[str, Any]]:
    """What there is to say, and nothing that is empty."""
    waiting, prediction = job.get("waiting"), job.get("prediction")
    facts = [
        ("job", job["id"]),
        ("status", status_text(job["status"])),
        ("waiting", _why(waiting) if waiting else ""),
        ("may be", "\n".join(_candidates(waiting))),
        ("type", job["job_type"]),
        ("model", _target(job)),
        ("label", job["label"]),
        ("prediction", prediction["id"] if prediction else ""),
        ("created", moment(job["created_at"])),
        ("completed", moment(job["completed_at"])),
        ("error", "\n".join(error_lines(job["error"]))),
        ("given up", "\n".join(map(_letter, job.get("dead_letters") or []))),
        ("warnings", "\n".join(map(str, job.get("warnings") or []))),
    ]
    return [(name, value) for name, value in facts if value]


def _letter(letter: dict[str, Any]) -> str:
    """A dead letter of the job, in a line; the API's own message may have many."""
    said = f"{letter['error_class']}: {letter['message']}".splitlines()[0]
    return f"{letter['task']}, {said} (dead letter {letter['id']})"


def _target(job: dict[str, Any]) -> str:
    return job["model"] or job["deployment"] or job["version"] or ""
