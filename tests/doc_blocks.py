"""The fenced blocks of the documents, each with its language."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md")))
FENCE = re.compile(r"^ *```(\S*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """One block of a page."""

    page: str
    language: str
    text: str


def blocks_of(path: Path) -> Iterator[Block]:
    """The page's blocks, top to bottom."""
    name = str(path.relative_to(ROOT))
    for language, text in FENCE.findall(path.read_text()):
        yield Block(name, language, text)


def commands_of(path: Path) -> str:
    """Its blocks of commands that a test runs, as one program."""
    return "\n".join(block.text for block in blocks_of(path) if block.language == "sh")
