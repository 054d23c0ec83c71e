"""The runbooks as they are written: each page's headings, and the commands of its fenced blocks."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PAGES = Path(__file__).parents[1] / "docs" / "runbooks"
FENCE = re.compile(r"^((?:\d\.)? *)```\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^\*\*(You see|Do|Then look|Measured|Point)\*\*", re.MULTILINE)
TRIED_BY = re.compile(r"^Tried by (.+)\Z", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Runbook:
    """One page, read."""

    name: str
    text: str

    @property
    def headings(self) -> list[str]:
        """Its headings, in their order; last who tries it."""
        return [*HEADING.findall(self.text), *(["Tried by"] if TRIED_BY.search(self.text) else [])]

    @property
    def tried_by(self) -> list[str]:
        """The files of the tests that try it."""
        found = TRIED_BY.search(self.text)
        return re.findall(r"`(tests/[\w/]+\.py)`", found[1]) if found else []

    @property
    def blocks(self) -> int:
        """How many blocks of commands it has."""
        return len(FENCE.findall(self.text))

    def commands(self) -> Iterator[str]:
        """Each line of its blocks, in their order, without comments."""
        for _, block in FENCE.findall(self.text):
            for line in block.splitlines():
                if command := line.partition("  # ")[0].strip():
                    yield command


def read_runbooks() -> list[Runbook]:
    """Every page but the list of them."""
    pages = sorted(path for path in PAGES.glob("*.md") if path.name != "README.md")
    return [Runbook(path.stem, path.read_text()) for path in pages]


def read_runbook(name: str) -> Runbook:
    """The page of this name."""
    [found] = [page for page in read_runbooks() if page.name == name]
    return found
