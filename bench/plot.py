"""A benchmark's ratios as an SVG: a bar from 1 to the median, a whisker over the rounds."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import log10
from pathlib import Path
from xml.sax.saxutils import escape

from bench.harness import Comparison, Measure, Spread

LABELS, BARS, FIGURES = 330, 420, 140  # pixels across
ROW, TOP, BOTTOM = 18, 48, 30
BETTER, WORSE, EVEN = "#2a7f62", "#b5493b", "#8a8a8a"
STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#333}.title{font-weight:600;font-size:14px}"
    ".end{text-anchor:end}.middle{text-anchor:middle}.dim{fill:#777}"
    ".grid{stroke:#ddd}.one{stroke:#555}.whisker{stroke:#333;stroke-width:1.5}"
)


@dataclass(frozen=True)
class Axis:
    """Ratios on a logarithmic scale that has room for all of them, and for 1."""

    low: float
    high: float

    @classmethod
    def over(cls, ratios: Sequence[Spread]) -> "Axis":
        """From a bit below the smallest to a bit above the largest."""
        low = min([0.5, *(ratio.min for ratio in ratios)])
        high = max([2.0, *(ratio.max for ratio in ratios)])
        return cls(log10(low) - 0.05, log10(high) + 0.05)

    def x(self, ratio: float) -> float:
        """Where it stands, in pixels."""
        return LABELS + BARS * (log10(ratio) - self.low) / (self.high - self.low)

    @property
    def marks(self) -> list[float]:
        """What is written below: 1, 2, 5, 10 and so on, up and down."""
        all_ = [digit * 10.0**power for power in range(-4, 5) for digit in (1, 2, 5)]
        if self.high - self.low > 2:  # too many to read
            all_ = all_[::3]
        return [mark for mark in all_ if self.low < log10(mark) < self.high]


def write_svg(name: str, comparison: Comparison, directory: Path) -> Path:
    """Write DIRECTORY/NAME.svg; its path."""
    path = directory / f"{name}.svg"
    path.write_text(svg(name, comparison))
    return path


def svg(name: str, comparison: Comparison) -> str:
    """The whole picture: of each peer, a row for each measure that both have."""
    rows = list(_rows(comparison))
    axis = Axis.over([ratio for _, _, ratio in rows])
    width, height = LABELS + BARS + FIGURES, TOP + ROW * len(rows) + BOTTOM
    title = f"{name}: {comparison.ours} / peer, median and rounds (green is better)"
    size = f'width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size}>',
        f'<style>{STYLE}</style><rect width="100%" height="100%" fill="#fff"/>',
        f'<text class="title" x="12" y="24">{escape(title)}</text>',
        *(_mark(axis, mark, height) for mark in axis.marks),
        *(_row(axis, TOP + ROW * number, *row) for number, row in enumerate(rows)),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _rows(comparison: Comparison) -> Iterator[tuple[Measure, str, Spread]]:
    for measure in comparison.measures:
        for peer in comparison.peers:
            if ratio := comparison.ratio(measure.name, peer):
                yield measure, peer, ratio


def _mark(axis: Axis, mark: float, height: int) -> str:
    x, kind = axis.x(mark), "one" if mark == 1 else "grid"
    return (
        f'<line class="{kind}" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - 8}" y2="{height - BOTTOM}"/>'
        f'<text class="middle dim" x="{x:.1f}" y="{height - 10}">{mark:g}</text>'
    )


def _row(axis: Axis, y: float, measure: Measure, peer: str, ratio: Spread) -> str:
    middle = y + ROW / 2
    left, right = sorted((axis.x(1), axis.x(ratio.median)))
    label = f"{escape(measure.name)} <tspan class='dim'>/ {escape(peer)}</tspan>"
    spread = f"({ratio.min:.3g}–{ratio.max:.3g})" if ratio.min != ratio.max else ""
    return (
        f'<text class="end" x="{LABELS - 10}" y="{middle + 4}">{label}</text>'
        f'<rect x="{left:.1f}" y="{y + 3}" width="{right - left:.1f}" height="{ROW - 6}"'
        f' fill="{_colour(measure, ratio)}"/>'
        f'<line class="whisker" x1="{axis.x(ratio.min):.1f}" x2="{axis.x(ratio.max):.1f}"'
        f' y1="{middle}" y2="{middle}"/>'
        f'<text x="{LABELS + BARS + 8}" y="{middle + 4}">{ratio.median:.3g}'
        f" <tspan class='dim'>{spread}</tspan></text>"
    )


def _colour(measure: Measure, ratio: Spread) -> str:
    """Grey where the rounds do not agree on who is better."""
    if ratio.min <= 1 <= ratio.max:
        return EVEN
    return BETTER if (ratio.median > 1) == (measure.better == "higher") else WORSE
