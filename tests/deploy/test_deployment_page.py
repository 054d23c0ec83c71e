"""Commands for a cluster cannot run here; what they name is there."""

import re
import subprocess

from tests.deploy.manifests import ROOT, built
from tests.doc_blocks import blocks_of

PAGE = ROOT / "docs/deployment.md"
COMMANDS = [
    line.strip()
    for block in blocks_of(PAGE)
    if block.language == "shell"
    for line in block.text.splitlines()
]
NAMESPACE = "fixative-prod"


def named(pattern):
    """What the commands have in its place, at least once."""
    found = [name for line in COMMANDS for name in re.findall(pattern, line)]
    assert found, pattern
    return found


def test_a_file_that_a_command_names_is_there():
    files = named(r"deploy/[\w-]+/[\w./-]+")
    assert [file for file in files if not (ROOT / file).exists()] == []


def test_what_makes_the_file_of_secrets_lets_nobody_else_read_it(tmp_path):
    (commands,) = [b.text for b in blocks_of(PAGE) if b.text.strip().startswith("cp .env.example")]
    example = (ROOT / ".env.example").read_text()
    (tmp_path / ".env.example").write_text(example)

    subprocess.run(["bash", "-eu", "-c", commands], cwd=tmp_path, check=True)

    assert (tmp_path / ".env").read_text() == example
    assert (tmp_path / ".env").stat().st_mode & 0o777 == 0o600


def test_an_object_that_a_command_names_is_one_of_the_overlay():
    objects = {(m["kind"], m["metadata"]["name"]) for m in built("prod")}
    kinds = {"job": "Job", "deploy": "Deployment"}
    asked = named(r" (job|deploy)/([a-z-]+)(?=\s|$)")
    assert {(kinds[kind], name) for kind, name in asked} <= objects
    assert {*named(r"-n (\S+)"), *named(r"create namespace (\S+)")} == {NAMESPACE}
    assert {m["metadata"].get("namespace", NAMESPACE) for m in built("prod")} == {NAMESPACE}


def test_a_label_that_a_command_selects_by_is_that_of_every_deployment():
    selected = {tuple(label.split("=")) for label in named(r"kubectl.* -l (\S+)")}
    for manifest in built("prod"):
        if manifest["kind"] == "Deployment":
            assert selected <= set(manifest["metadata"]["labels"].items())
