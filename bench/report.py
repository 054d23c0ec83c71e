"""What a benchmark leaves behind: a table on the screen and a JSON file (a plot: plot.py)."""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from bench.harness import Comparison, Spread
from bench.machine import facts

NAME_WIDTH, FIGURE_WIDTH = 40, 22  # in a file: a terminal has its own
ARROWS = {"higher": "↑", "lower": "↓"}  # which way is better


def print_table(name: str, comparison: Comparison) -> None:
    """One line a measure, and the ratios that count."""
    machine = facts()
    title = f"{name}: median (min–max) · {machine['cores']} cores · Python {machine['python']}"
    table = Table(title=title, box=SIMPLE)
    table.add_column("", no_wrap=True)
    for system in comparison.samples:
        table.add_column(system, justify="right")
    for peer in comparison.peers:
        table.add_column(f"{comparison.ours} / {peer}", justify="right", style="bold")
    for measure in comparison.measures:
        table.add_row(
            f"{ARROWS[measure.better]} {measure.name} [dim]{measure.unit}",
            *(_shown(comparison.spread(measure.name, system)) for system in comparison.samples),
            *(_shown(comparison.ratio(measure.name, peer)) for peer in comparison.peers),
        )
    width = NAME_WIDTH + FIGURE_WIDTH * (len(table.columns) - 1)
    Console(width=None if sys.stdout.isatty() else width).print(table)


def write_json(name: str, comparison: Comparison, directory: Path) -> Path:
    """Write DIRECTORY/NAME.json; its path."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{name}.json"
    at = datetime.now(UTC).isoformat(timespec="seconds")
    whole = {"benchmark": name, "at": at, "machine": facts(), **comparison.as_json()}
    path.write_text(json.dumps(whole, indent=2) + "\n")
    return path


def _shown(spread: Spread | None) -> str:
    if spread is None:
        return "–"
    if spread.min == spread.max:
        return _digits(spread.median)
    return f"{_digits(spread.median)} [dim]({_digits(spread.min)}–{_digits(spread.max)})"


def _digits(figure: float) -> str:
    return f"{figure:.0f}" if figure >= 100 else f"{figure:.3g}"
