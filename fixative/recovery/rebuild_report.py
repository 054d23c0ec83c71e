"""What a rebuild tells: how it gets on, what it brought back, and what it could not, and why."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Problem:
    """Something that did not come back: what kind of thing, its name, and why."""

    kind: str
    name: str
    why: str


@dataclass
class Report:
    """Counts and names; `say` gets a line of progress now and then. Safe to add to from threads."""

    say: Callable[[str], None]
    brought_back: Counter[str] = field(default_factory=Counter)  # by what, or from where
    there_already: Counter[str] = field(default_factory=Counter)  # the same way
    problems: list[Problem] = field(default_factory=list)
    not_asked: dict[str, str] = field(default_factory=dict)  # sources, and why
    unfinished: int = 0  # jobs that are now for `recover`

    def problem(self, kind: str, name: str, why: str) -> None:
        """Something could not be brought back."""
        self.problems.append(Problem(kind, name, why))

    def counts(self) -> Counter[str]:
        """How many problems of each kind."""
        return Counter(problem.kind for problem in self.problems)

    def as_json(self) -> dict[str, Any]:
        """For programs: all of it."""
        return {
            "brought_back": dict(self.brought_back),
            "there_already": dict(self.there_already),
            "unfinished": self.unfinished,
            "not_asked": self.not_asked,
            "not_recovered": dict(self.counts()),
            "problems": [vars(problem) for problem in self.problems],
        }
