"""Commands for an engine cannot run here; what they name is there."""

import re
import subprocess

import yaml

from tests.deploy.manifests import ROOT
from tests.doc_blocks import blocks_of

PAGE = ROOT / "docs/deployment.md"
COMMANDS = [
    line.strip()
    for block in blocks_of(PAGE)
    if block.language == "shell"
    for line in block.text.splitlines()
]


def named(pattern):
    """What the commands have in its place, at least once."""
    found = [name for line in COMMANDS for name in re.findall(pattern, line)]
    assert found, pattern
    return found


def test_a_service_that_a_command_names_is_one_of_compose():
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    several = " ".join(named(r"docker-compose stop (.+)")).split()
    one = named(r"docker-compose (?:exec|run --rm(?: --entrypoint \S+)?) ([a-z-]+)")
    assert {*several, *one} <= set(services)


def test_a_file_that_a_command_names_is_there():
    files = named(r"deploy/[\w-]+/[\w./-]+|\.env\.example")
    assert [file for file in files if not (ROOT / file).exists()] == []


def test_what_makes_the_file_of_secrets_lets_nobody_else_read_it(tmp_path):
    (commands,) = [b.text for b in blocks_of(PAGE) if b.text.strip().startswith("cp .env.example")]
    example = (ROOT / ".env.example").read_text()
    (tmp_path / ".env.example").write_text(example)

    subprocess.run(["bash", "-eu", "-c", commands], cwd=tmp_path, check=True)

    assert (tmp_path / ".env").read_text() == example
    assert (tmp_path / ".env").stat().st_mode & 0o777 == 0o600
