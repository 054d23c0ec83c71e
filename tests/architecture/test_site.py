"""The documents build as a site: links lead somewhere, all commands and variables are there."""

import os
import re
import subprocess
import sys

import pytest

from fixative.cli.main import COMMANDS

pytestmark = pytest.mark.wide


@pytest.fixture(scope="module")
def site(tmp_path_factory, root):
    """The built site; whatever mkdocs warns of fails it."""
    site = tmp_path_factory.mktemp("site")
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--site-dir", str(site)],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root), "NO_MKDOCS_2_WARNING": "1"},
        check=False,
        capture_output=True,
        text=True,
    )
    assert built.returncode == 0, built.stderr
    return site


def test_the_reference_has_every_command(site):
    page = (site / "reference" / "commands.html").read_text()

    assert {name for name in COMMANDS if f">fixative {name}<" not in page} == set()


def test_the_reference_has_every_variable_with_what_it_is(site, root):
    page = (site / "reference" / "settings.html").read_text()
    told = dict(re.findall(r"<td><code>(\w+)</code></td>\s*<td>(.*?)</td>", page, re.DOTALL))
    names = set(re.findall(r"^#?([A-Z]\w+)=", (root / ".env.example").read_text(), re.MULTILINE))

    assert names - told.keys() == set()
    assert [name for name, what in told.items() if len(what) < 10] == []


def test_nothing_on_the_site_is_fetched_from_elsewhere(site):
    pages = [path.read_text() for path in site.rglob("*.html")]
    fetched = re.compile(r"<(?:script|img|link)[^>]+(?:src|href)=\"?(https?://[^\">]+)")

    assert {url for page in pages for url in fetched.findall(page)} == set()
