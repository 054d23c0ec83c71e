"""`python -m bench`: list the benchmarks, run one or all."""

from collections.abc import Callable
from pathlib import Path

import click

from bench import drop_in, media, pipeline, replay, scale, sync, watch
from bench.harness import Comparison
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
}


def _list(context: click.Context, __: click.Parameter, wanted: bool) -> None:
    if wanted:
        for name, (run, _) in BENCHMARKS.items():
            click.echo(f"{name:<12} {run.__doc__}")
        context.exit()


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(list(BENCHMARKS)))
@click.option("--list", is_flag=True, is_eager=True, expose_value=False, callback=_list)
@click.option("--calls", envvar="CALLS", type=click.IntRange(1), default=200, show_default=True)
@click.option("--jobs", envvar="JOBS", type=click.IntRange(1), default=200, show_default=True)
@click.option(
    "--megabytes", envvar="MEGABYTES", type=click.IntRange(1), default=2000, show_default=True
)
@click.option(
    "--records", envvar="RECORDS", type=click.IntRange(1), default=50_000, show_default=True
)
@click.option(
    "--predictions",
    envvar="PREDICTIONS",
    type=click.IntRange(1),
    default=100_000,
    show_default=True,
)
@click.option(
    "--watchers", envvar="WATCHERS", type=click.IntRange(1), default=300, show_default=True
)
@click.option(
    "--history", envvar="JOBS", type=click.IntRange(1), default=1_000_000, show_default=True
)
@click.option("--rounds", envvar="ROUNDS", type=click.IntRange(1), default=3, show_default=True)
@click.option(
    "--results",
    envvar="RESULTS",
    type=click.Path(file_okay=False, path_type=Path),
    default=RESULTS,
    help="Where NAME.json goes.",
)
def main(*, names: tuple[str, ...], rounds: int, results: Path, **sizes: int) -> None:
    """Run the benchmarks NAMES, or all."""
    for name in names or BENCHMARKS:
        run, unit = BENCHMARKS[name]
        size = sizes[unit]
        click.echo(f"{name}: {rounds} rounds of {size} {unit}")
        comparison = run(size, rounds)
        print_table(name, comparison)
        click.echo(f"written to {write_json(name, comparison, results)}")


if __name__ == "__main__":
    main()
