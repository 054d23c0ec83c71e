"""`fixative submit`: one job, and with --wait what came of it."""

import sys
from pathlib import Path
from typing import Any

import click
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from fixative.cli.api_client import Api, connect, given
from fixative.cli.download import download
from fixative.cli.model_input import parse_input, parse_target
from fixative.cli.screen import error_lines, media_table, status_text, stderr, stdout, table
from fixative.cli.statuses import FINAL, WAY


@click.command()
@click.argument("model")
@click.argument("pairs", metavar="[KEY=VALUE]...", nargs=-1)
@click.option("--json", "whole", metavar="INPUT", help="The input as a JSON object.")
@click.option("--job-type", help="image, video, audio, text, complete_content or any label.")
@click.option("--label", help="A word to find the job by.")
@click.option("--wait", is_flag=True, help="Stay until it is finished, and show the result.")
@click.option(
    "--download",
    "directory",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Wait, and save the media there.",
)
def submit(
    *,
    model: str,
    pairs: tuple[str, ...],
    whole: str | None,
    job_type: str | None,
    label: str | None,
    wait: bool,
    directory: Path | None,
) -> None:
    """Run MODEL (owner/name, a version, or owner/name:version) on an input.

    A value that is JSON is taken as such: num_outputs=2 is a number, prompt=fog a text. Without
    --wait only the job's id is printed. Exit code 1 when the job did not succeed.
    """
    request = parse_target(model) | given({"job_type": job_type, "label": label})
    with connect() as api:
        job = api.post("/jobs", {**request, "input": parse_input(whole, pairs)})
        if not wait and directory is None:
            click.echo(job["id"])
            return
        job = finished(api, job["id"])
        show_result(job)
        if directory is not None:
            for path in download(api, job, directory):
                click.echo(f"saved {path}")
    if job["status"] != "succeeded":
        sys.exit(1)


def finished(api: Api, job_id: str) -> dict[str, Any]:
    """The job once it is terminal; a bar follows it there."""
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(24),
        TimeElapsedColumn(),
        console=stderr(),
        transient=True,
    ) as progress:
        bar = progress.add_task("", total=len(WAY) - 1)
        for job in api.changes(job_id):
            if job["status"] in FINAL:
                return job
            step = WAY.index(job["status"])
            progress.update(bar, description=_standing(job), completed=step)
    raise AssertionError("changes never end")


def show_result(job: dict[str, Any]) -> None:
    """The job's end, and its media with their links."""
    out = stdout()
    summary = table("job", "status")
    summary.add_row(job["id"], status_text(job["status"]))
    out.print(summary)
    for line in error_lines(job["error"]):
        out.print(line, style="red")
    if job["media"]:
        out.print()
        out.print(media_table(job["media"]))


def _standing(job: dict[str, Any]) -> str:
    waiting = job.get("waiting")
    return f"{job['status']:<10}" + (f" waiting: {waiting['reason']}" if waiting else "")
