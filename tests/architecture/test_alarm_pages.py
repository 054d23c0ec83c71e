"""A page of an alarm says the same four things in the same order, by commands that there are."""

import re

import click
import pytest

from fixative.cli.main import main
from tests.runbooks import PAGES

HEADINGS = ["Means", "See", "Do", "Clears"]
HEADING = re.compile(r"^\*\*(\w+)\*\*", re.MULTILINE)
COMMAND = re.compile(r"(?:^|`)(fixative [^`\n#]+)", re.MULTILINE)
ALARM = re.compile(r"`(Fixative\w+)`")
ALARM_PAGES = sorted(path for path in (PAGES / "alarms").glob("*.md") if path.name != "README.md")


@pytest.fixture(params=ALARM_PAGES, ids=lambda path: path.stem)
def page(request):
    return request.param


def test_a_page_says_what_it_means_how_to_see_it_what_to_do_and_how_it_clears(page):
    assert HEADING.findall(page.read_text()) == HEADINGS


def test_a_page_names_commands_and_options_that_there_are(page):
    for line in COMMAND.findall(page.read_text()):
        _assert_there_is(line.split()[1:], line)


def test_a_page_stands_in_the_list_with_its_alarms(page):
    rows = (PAGES / "alarms" / "README.md").read_text().splitlines()
    [row] = [row for row in rows if f"({page.name})" in row]
    means = page.read_text().partition("**See**")[0]
    assert ALARM.findall(row) == sorted(set(ALARM.findall(means)), key=ALARM.findall(row).index)


def _assert_there_is(words, line):
    command, context = main, click.Context(main)
    while words and isinstance(command, click.Group):
        command = command.get_command(context, words.pop(0))
        assert command is not None, line
    options = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= options, line
