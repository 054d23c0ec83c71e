"""Start everything, run five jobs, check every byte, stop everything, and say how it went."""

import atexit
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

import click

from fixative.cli.api_client import Api
from fixative.cli.demo.check import Checker
from fixative.cli.demo.errors import DemoFailed
from fixative.cli.demo.orders import Running, collect, follow, submit_all
from fixative.cli.demo.screen import Screen
from fixative.cli.demo.system import System
from fixative.cli.screen import count
from fixative.errors import FixativeError

INTERRUPTED = "Interrupted."


@click.command()
@click.option("--keep", is_flag=True, help="Leave the system running, and say where it is.")
@click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Use this directory and leave it there.  [default: a new temporary one]",
)
def demo(*, keep: bool, data_dir: Path | None) -> None:
    """Five kinds of jobs, from a REST call to verified media, on a system of its own.

    Exit code 0 when everything was as it says, and nothing was left behind.
    """
    started = time.monotonic()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    scratch = tempfile.mkdtemp(prefix="fixative-demo-") if data_dir is None else None
    system = System(data_dir or Path(scratch or ""))
    atexit.register(system.stop)  # whatever happens
    screen = Screen()
    summary = trouble = ""
    try:
        summary = perform(system, screen)
    except KeyboardInterrupt:
        trouble = INTERRUPTED
    except FixativeError as error:
        trouble = str(error)
    if keep and not trouble:
        atexit.unregister(system.stop)
        screen.addresses(system.run_file(), system.data_dir, system.pid)
        return
    try:
        stop(system, screen)
    except DemoFailed as error:
        trouble = f"{trouble}\n{error}".strip()
    if trouble not in {"", INTERRUPTED}:
        trouble += f"\nThe logs are in {system.data_dir}/logs"
    elif scratch is not None:
        shutil.rmtree(scratch)
    screen.last_word(
        trouble or f"{summary} {time.monotonic() - started:.1f} s in all.", good=not trouble
    )
    sys.exit(int(bool(trouble)))


def perform(system: System, screen: Screen) -> str:
    """Everything between starting and stopping; answers what was achieved.

    Raises FixativeError where something is not as it should be.
    """
    started = time.monotonic()
    screen.title()
    screen.step("Starting the whole system: Postgres, Valkey, S3, a local Replicate, ourselves")
    screen.starting(system.start())
    run = system.run_file()
    screen.done(
        f"{len(run['processes'])} processes, ready at {run['api_url']} "
        f"after {time.monotonic() - started:.1f} s"
    )
    with Api(run["api_url"], run["admin_key"]) as api:
        screen.step("Submitting five jobs through the REST API")
        running = submit_all(api)
        screen.orders(running)

        screen.step("Following them: seconds in each status, and in all")
        screen.follow(running, follow(api, running))
        for one in running:
            expect_success(one, api)
        collect(api, running)

        screen.step("What is stored, in the bucket and in Postgres")
        screen.stored(running)

        screen.step("Reading every stored byte back, and comparing length and SHA-256")
        screen.note("in the bucket, in Postgres, by GET /media and, of originals, at Replicate")
        objects = size = 0
        with Checker(run, api) as checker:
            for one in running:
                found = checker.check(one.order.kind, one.job)
                screen.checked(one, found)
                objects, size = objects + found.objects, size + found.bytes
    return f"Five jobs, {objects} objects, {count(size)} bytes, each one as it should be."


def expect_success(one: Running, api: Api) -> None:
    """Raises DemoFailed, with the job's own error, when it ended otherwise."""
    if one.status != "succeeded":
        error = api.get(f"/jobs/{one.job_id}")["error"] or {}
        raise DemoFailed(
            f"the {one.order.kind} job ended as {one.status}: {error.get('message', 'no reason')}"
        )


def stop(system: System, screen: Screen) -> None:
    """Stop everything. Raises DemoFailed when a process is left."""
    screen.step("Stopping everything")
    system.stop()
    screen.done("Every process has ended.")


if __name__ == "__main__":
    demo()
