"""What docs/security.md says is shown by a test is shown by one that exists, and runs."""

import ast
import re

import pytest

NAMED = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")
THREATS = re.compile(
    r"^\| (?!who \||---)(?P<who>[^|]+)\|[^|]+\|[^|]+\|(?P<tests>[^|]+)\|$", re.MULTILINE
)


@pytest.fixture(scope="module")
def page(root):
    return (root / "docs/security.md").read_text()


def test_every_test_that_is_named_exists(root, page):
    named = NAMED.findall(page)
    assert len(named) > 60
    for file, name in named:
        tree = ast.parse((root / file).read_text())
        functions = {each.name for each in tree.body if isinstance(each, ast.FunctionDef)}
        if file.startswith("tests/fuzz/parsers"):
            continue
        assert name in functions if name else any(f.startswith("test_") for f in functions), (
            file,
            name,
        )


def test_every_threat_names_a_test(page):
    threats = list(THREATS.finditer(page))
    assert len(threats) > 30
    assert [row["who"] for row in threats if not NAMED.search(row["tests"])] == []


def test_no_parser_is_fuzzed_that_the_page_does_not_lead_to(root, page):
    parsers = {path.name for path in (root / "tests/fuzz/corpus").iterdir() if path.is_dir()}
    source = (root / "tests/fuzz/parsers.py").read_text()
    assert parsers == set(re.findall(r"^def ([a-z]+)\(data: bytes\)", source, re.MULTILINE))
    assert "make fuzz" in page
