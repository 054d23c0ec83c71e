"""`fixative jobs cancel` and `retry`: of jobs by their ids, or of all that a filter finds."""

import sys
from typing import Any

import click

from fixative.cli.api_client import Api, ApiError, connect, given
from fixative.cli.job_filters import filters
from fixative.cli.screen import as_json, print_json

ids_or_filters = click.argument("job_ids", metavar="[ID…]", nargs=-1)
everything = click.option("--all", "everything", is_flag=True, help="All there are.")


@click.command()
@ids_or_filters
@filters
@everything
@as_json
def cancel(*, job_ids: tuple[str, ...], everything: bool, as_json: bool, **asked: Any) -> None:
    """Ask for the end of jobs: of those named, or of all unfinished ones that the options find.

    One that is running ends when Replicate ends it. All are tried; exit code 1 when one could not
    be asked.
    """
    _operate("cancel", job_ids, asked, {}, everything=everything, as_json=as_json)


@click.command()
@ids_or_filters
@filters
@everything
@click.option("--pay-again", is_flag=True, help="Other attempts may be made, which cost money.")
@as_json
def retry(
    *, job_ids: tuple[str, ...], everything: bool, pay_again: bool, as_json: bool, **asked: Any
) -> None:
    """Take up again what failed or was canceled: those named, or all that the options find.

    What a prediction gave is stored again at no cost; anything else needs --pay-again. All are
    tried; exit code 1 when one was refused.
    """
    how = {"pay_again": pay_again}
    _operate("retry", job_ids, asked, how, everything=everything, as_json=as_json)


def _operate(
    operation: str,
    job_ids: tuple[str, ...],
    asked: dict[str, Any],
    how: dict[str, Any],
    *,
    everything: bool,
    as_json: bool,
) -> None:
    chosen = given(asked)
    if sum((bool(job_ids), bool(chosen), everything)) != 1:
        raise click.UsageError("name jobs, or say by options which, or --all")
    with connect() as api:
        if job_ids:
            done, refused = _each(api, operation, job_ids, how)
            told: Any = done
        else:
            which = {"all": True} if everything else {"filter": chosen}
            told = api.post_all(f"/jobs/{operation}", {**which, **how})
            done, refused = [], {item["id"]: item["detail"] for item in told["refused"]}
    for job_id, why in refused.items():
        click.echo(f"fixative: {job_id}: {why}", err=True)
    if as_json:
        print_json(told)
    elif job_ids:
        for job in done:
            click.echo(f"{job['id']} {_after(job)}")
    else:
        click.echo(f"{told['done']} of {told['matched']} jobs: {operation} asked")
    sys.exit(int(bool(refused)))


def _each(
    api: Api, operation: str, job_ids: tuple[str, ...], how: dict[str, Any]
) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """The jobs as they then stand; and why others were refused, by their ids."""
    done, refused = list[dict[str, Any]](), dict[str, str]()
    for job_id in job_ids:
        try:
            done.append(api.post(f"/jobs/{job_id}/{operation}", how))
        except ApiError as error:
            refused[job_id] = str(error)
    return done, refused


def _after(job: dict[str, Any]) -> str:
    asked = job.get("cancel_requested_at") and not job["completed_at"]
    return f"{job['status']}, cancel requested" if asked else str(job["status"])
