"""What holds of files, whatever stands in them."""

import re
import subprocess
from pathlib import Path

import pytest

MOST_LINES = 300
PRODUCT = ("api", "worker", "fixative", "replicate_emulator")
# Each with a class of one character, so that this file does not name them.
OUTSIDE = re.compile(
    r"pyp[i]\.org|pythonhoste[d]\.|registry\.npm[j]s|deb\.debia[n]\.|/wor[k]/|/op[t]/wheels"
)
LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)")
PATH = re.compile(
    r"`((?:api|bench|docs|fixative|replicate_emulator|scripts|tests|worker)/[\w./-]+)`"
)


@pytest.fixture(scope="module")
def files(root):
    """Every file of the project, new ones too, by its path in the repository."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    )
    return [Path(line) for line in listed.stdout.splitlines() if (root / line).is_file()]


def test_no_module_of_the_product_grows_over_300_lines(root, files):
    modules = [f for f in files if f.suffix == ".py" and f.parts[0] in PRODUCT]
    written = [f for f in modules if "versions" not in f.parts]  # migrations are generated
    long = [str(f) for f in written if (root / f).read_text().count("\n") > MOST_LINES]
    assert long == []


def test_no_file_names_a_registry_or_a_path_of_one_machine(root, files):
    named = [str(f) for f in files if OUTSIDE.search((root / f).read_text(errors="replace"))]
    assert named == []


def test_links_and_paths_in_the_documents_lead_somewhere(root, files):
    for document in (f for f in files if f.suffix == ".md"):
        text = (root / document).read_text()
        for link in LINK.findall(text):
            assert (root / document.parent / link).exists(), f"{document}: {link}"
        for path in PATH.findall(text):
            assert (root / path).exists(), f"{document}: {path}"


def test_every_decision_stands_in_the_index(root):
    index = (root / "docs/adr/README.md").read_text()
    for decision in (root / "docs/adr").glob("[0-9]*.md"):
        assert f"({decision.name})" in index
