"""A B A B: systems measured in turns in one run, and compared round by round.

A machine's speed drifts; what was measured a minute ago was measured on another machine. So every
figure is held against the same round's figure of the peer, and the ratio's median is what counts.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

Sample = dict[str, float]  # one turn of one system: measure → figure


@dataclass(frozen=True)
class Measure:
    """One column of figures."""

    name: str
    unit: str
    better: str  # higher or lower


@dataclass(frozen=True)
class Spread:
    """The median, and how far the rounds lay apart."""

    median: float
    min: float
    max: float

    @classmethod
    def of(cls, figures: Sequence[float]) -> "Spread":
        """The spread of at least one figure."""
        return cls(median(figures), min(figures), max(figures))


@dataclass(frozen=True)
class Comparison:
    """Every round's samples, by system; the first system is held against each of the others."""

    measures: Sequence[Measure]
    samples: Mapping[str, list[Sample]]
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def ours(self) -> str:
        """The system that the ratios speak of."""
        return next(iter(self.samples))

    @property
    def peers(self) -> list[str]:
        """The systems it is held against."""
        return list(self.samples)[1:]

    def spread(self, measure: str, system: str) -> Spread | None:
        """The system's own figures; None where it has none."""
        figures = [sample[measure] for sample in self.samples[system] if measure in sample]
        return Spread.of(figures) if figures else None

    def ratio(self, measure: str, peer: str) -> Spread | None:
        """Ours to the peer's, round by round; None where one of them has no figure."""
        rounds = zip(self.samples[self.ours], self.samples[peer], strict=True)
        ratios = [a[measure] / b[measure] for a, b in rounds if a.get(measure) and b.get(measure)]
        return Spread.of(ratios) if ratios else None

    def as_json(self) -> dict[str, Any]:
        """Everything, with the single rounds."""
        return {
            "settings": dict(self.settings),
            "ours": self.ours,
            "measures": {measure.name: self._measure_as_json(measure) for measure in self.measures},
        }

    def _measure_as_json(self, measure: Measure) -> dict[str, Any]:
        spreads = {system: self.spread(measure.name, system) for system in self.samples}
        ratios = {peer: self.ratio(measure.name, peer) for peer in self.peers}
        return {
            "unit": measure.unit,
            "better": measure.better,
            "systems": {
                system: asdict(spread)
                | {"rounds": [sample.get(measure.name) for sample in self.samples[system]]}
                for system, spread in spreads.items()
                if spread
            },
            "ratio": {peer: asdict(ratio) for peer, ratio in ratios.items() if ratio},
        }


def compare(
    turns: Mapping[str, Callable[[], Sample]],
    measures: Sequence[Measure],
    *,
    rounds: int,
    settings: Mapping[str, Any],
    say: Callable[[str], None] = print,
) -> Comparison:
    """Let the systems take turns, `rounds` times; `turns` has ours first."""
    samples: dict[str, list[Sample]] = {system: [] for system in turns}
    for number in range(1, rounds + 1):
        for system, turn in turns.items():
            sample = turn()
            samples[system].append(sample)
            first = next(measure for measure in measures if measure.name in sample)
            say(f"  round {number}, {system}: {sample[first.name]:.1f} {first.unit}")
    return Comparison(measures, samples, settings)
