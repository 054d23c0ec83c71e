"""`python -m bench`: list the benchmarks, run one or all."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from bench import (
    derive,
    drop_in,
    idle,
    media,
    pipeline,
    poll,
    read,
    replay,
    scale,
    start,
    submit,
    sync,
    watch,
    webhook,
)
from bench.harness import Comparison
from bench.plot import write_svg
from bench.report import print_table, write_json

RESULTS = Path(__file__).parent / "results"
# Each takes a size and a number of rounds; the size counts in its unit.
BENCHMARKS: dict[str, tuple[Callable[[int, int], Comparison], str]] = {
    "pipeline": (pipeline.run, "jobs"),
    "drop_in": (drop_in.run, "calls"),
    "media": (media.run, "megabytes"),
    "replay": (replay.run, "records"),
    "scale": (scale.run, "history"),
    "sync": (sync.run, "predictions"),
    "watch": (watch.run, "watchers"),
    "idle": (idle.run, "seconds"),
    "start": (start.run, "imports"),
    "submit": (submit.run, "requests"),
    "read": (read.run, "requests"),
    "webhook": (webhook.run, "requests"),
    "poll": (poll.run, "flying"),
    "derive": (derive.run, "files"),
}
SIZES = {
    "calls": 200,
    "files": 30,
    "flying": 10_000,
    "history": 1_000_000,
    "imports": 10,
    "jobs": 200,
    "megabytes": 2000,
    "predictions": 100_000,
    "records": 50_000,
    "requests": 2000,
    "seconds": 60,
    "watchers": 300,
}
Command = TypeVar("Command", bound=Callable[..., Any])


def _sizes(command: Command) -> Command:
    """An option and a variable for each size."""
    for unit, default in reversed(SIZES.items()):
        kind = click.IntRange(1)
        command = click.option(
            f"--{unit}", envvar=unit.upper(), type=kind, default=default, show_default=True
        )(command)
    return command


def _list(context: click.Context, __: click.Parameter, wanted: bool) -> None:
    if wanted:
        for name, (run, _) in BENCHMARKS.items():
            click.echo(f"{name:<12} {run.__doc__}")
        context.exit()


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(list(BENCHMARKS)))
@click.option("--list", is_flag=True, is_eager=True, expose_value=False, callback=_list)
@_sizes
@click.option("--rounds", envvar="ROUNDS", type=click.IntRange(1), default=3, show_default=True)
@click.option(
    "--results",
    envvar="RESULTS",
    type=click.Path(file_okay=False, path_type=Path),
    default=RESULTS,
    help="Where NAME.json and NAME.svg go.",
)
def main(*, names: tuple[str, ...], rounds: int, results: Path, **sizes: int) -> None:
    """Run the benchmarks NAMES, or all."""
    for name in names or BENCHMARKS:
        run, unit = BENCHMARKS[name]
        size = sizes[unit]
        click.echo(f"{name}: {rounds} rounds of {size} {unit}")
        comparison = run(size, rounds)
        print_table(name, comparison)
        written = write_json(name, comparison, results), write_svg(name, comparison, results)
        click.echo(f"written to {' and '.join(map(str, written))}")


if __name__ == "__main__":
    main()
