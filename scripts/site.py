"""What mkdocs builds beside the pages of docs/: references from the code, and pages of the root.

Nothing generated is kept in the repository, so nothing of it can be behind.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from fixative.cli.main import COMMANDS, main
from fixative.cli.openapi import document

ROOT = Path(__file__).parents[1]
OF_ROOT = ("ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md")
LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s#]+)(#[^)\s]*)?\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add what is made here."""
    made = {"reference/commands.md": commands(), "reference/settings.md": settings()}
    made["reference/routes.md"] = routes()
    for name, text in made.items():
        files.append(File.generated(config, name, content=text))
    for name in OF_ROOT:
        text = (ROOT / name).read_text().replace("](docs/", "](")
        files.append(File.generated(config, name, content=text))
    return files


def on_page_markdown(markdown: str, page: Any, files: Files, **_: Any) -> str:
    """Leave of a link to the repository's other files its words."""

    def kept(link: re.Match[str]) -> str:
        target = link[3]
        if "://" in target or target.startswith("mailto:"):
            return link[0]
        if target.removeprefix("../") in OF_ROOT and page.file.src_uri.count("/") == 0:
            return link[0].replace("../", "")
        reached = (ROOT / "docs" / page.file.src_uri).parent / target
        of_site = files.get_file_from_path(_relative(reached))
        return link[0] if of_site else f"`{link[2]}`"

    return LINK.sub(kept, markdown)


def _relative(path: Path) -> str:
    return path.resolve().as_posix().removeprefix(f"{ROOT}/docs/")


def commands() -> str:
    """Every command with its options, as `--help` has them."""
    pages = [f"# Commands\n\n{main.help}\n"]
    for name in COMMANDS:
        pages += _helps(main.get_command(click.Context(main), name), f"fixative {name}")
    return "\n".join(pages)


def _helps(command: Any, name: str, level: int = 2) -> Iterator[str]:
    context = click.Context(command, info_name=name, max_content_width=100)
    text = command.get_help(context).replace("\b\n", "")
    yield f"{'#' * level} {name}\n\n```text\n{text}\n```\n"
    for part, inner in getattr(command, "commands", {}).items():
        yield from _helps(inner, f"{name} {part}", level + 1)


def settings() -> str:
    """Every variable, in the words of .env.example."""
    text = ["# Settings\n\nOther ways to give one: [secrets](../secrets.md).\n"]
    said: list[str] = []
    example = (ROOT / ".env.example").read_text().split("\n\n", 1)[1]
    for line in re.sub(r"\n#    +", " ", example).splitlines():
        if section := re.fullmatch(r"# --- (.+) ---", line):
            text.append(f"\n## {section[1]}\n\n| variable | is |\n|---|---|")
        elif variable := re.fullmatch(r"#?([A-Z][A-Z0-9_]+)=.*", line):
            text.append(f"| `{variable[1]}` | {' '.join(said)} |")
            said = []
        elif line.startswith("# "):
            said.append(line[2:].replace("|", "\\|"))
    return "\n".join(text)


def routes() -> str:
    """Every operation of the API's document."""
    lines = ["# Routes\n\nA running API shows all of each at `/docs`.\n"]
    lines.append("| request | does |\n|---|---|")
    for path, operations in sorted(document()["paths"].items()):
        for method, operation in operations.items():
            summary = str(operation.get("summary", "")).replace("|", "\\|")
            lines.append(f"| `{method.upper()} {path}` | {summary} |")
    return "\n".join(lines)
