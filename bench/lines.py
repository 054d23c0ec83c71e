"""Figures over time as an SVG: a panel for each unit, a line for each series, marks for events."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from xml.sax.saxutils import escape

WIDTH, LEFT, RIGHT = 900, 70, 190  # pixels
PANEL, GAP, TOP, BOTTOM = 120, 34, 40, 24
COLOURS = (
    *("#2a7f62", "#b5493b", "#3b6cb5", "#b58a1b", "#7a4fa3"),
    *("#1b9aaa", "#c2528b", "#6b705c", "#444444", "#98a41f"),
)
STYLE = (
    "text{font:11px system-ui,sans-serif;fill:#333}.title{font-weight:600;font-size:14px}"
    ".end{text-anchor:end}.middle{text-anchor:middle}.dim{fill:#777}.grid{stroke:#ddd}"
    ".event{stroke:#bbb;stroke-dasharray:2 3}polyline{fill:none;stroke-width:1.4}"
)

Points = Sequence[tuple[float, float]]  # seconds, figure


@dataclass(frozen=True)
class Panel:
    """What is drawn on one scale, which begins at 0."""

    title: str
    series: Mapping[str, Points]


def lines_svg(
    title: str, panels: Sequence[Panel], *, seconds: float, events: Sequence[float] = ()
) -> str:
    """All panels below each other, over the same `seconds`; `events` are instants."""
    height = TOP + len(panels) * (PANEL + GAP) + BOTTOM
    drawn = [
        line
        for number, panel in enumerate(panels)
        for line in _panel(panel, TOP + number * (PANEL + GAP), seconds, events)
    ]
    ticks = [
        f'<text class="middle dim" x="{_x(share * seconds, seconds):.1f}" y="{height - 8}">'
        f"{share * seconds / 60:.3g} min</text>"
        for share in (0, 0.25, 0.5, 0.75, 1)
    ]
    size = f'width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}"'
    head = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size}>',
        f'<style>{STYLE}</style><rect width="100%" height="100%" fill="#fff"/>',
        f'<text class="title" x="12" y="22">{escape(title)}</text>',
    ]
    return "\n".join([*head, *drawn, *ticks, "</svg>"]) + "\n"


def _panel(panel: Panel, top: float, seconds: float, events: Sequence[float]) -> list[str]:
    bottom, right = top + PANEL, WIDTH - RIGHT
    highest = max((figure for points in panel.series.values() for _, figure in points), default=0)
    highest = highest or 1
    lines = [f'<text x="{LEFT}" y="{top - 2}">{escape(panel.title)}</text>']
    for share in (0, 0.5, 1):
        y = bottom - share * (PANEL - 16)
        lines.append(
            f'<line class="grid" x1="{LEFT}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>'
            f'<text class="end dim" x="{LEFT - 6}" y="{y + 4:.1f}">{share * highest:.3g}</text>'
        )
    for at in events:
        x = f"{_x(at, seconds):.1f}"
        lines.append(f'<line class="event" x1="{x}" x2="{x}" y1="{top + 8}" y2="{bottom}"/>')
    for number, ((name, points), colour) in enumerate(
        zip(panel.series.items(), cycle(COLOURS), strict=False)
    ):
        drawn = " ".join(
            f"{_x(at, seconds):.1f},{bottom - figure / highest * (PANEL - 16):.1f}"
            for at, figure in points
        )
        last = f" {points[-1][1]:.3g}" if points else ""
        lines.append(
            f'<polyline points="{drawn}" style="stroke:{colour}"/>'
            f'<text x="{right + 10}" y="{top + 14 + 12 * number}" style="fill:{colour}">'
            f"{escape(name)}{last}</text>"
        )
    return lines


def _x(at: float, seconds: float) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * at / seconds
