"""Every runbook says what to do, what it takes, and which test has tried it."""

import pytest

from tests.runbooks import PAGES, read_runbooks

HEADINGS = ["You see", "Do", "Then look", "Measured", "Point", "Tried by"]
RUNBOOKS = read_runbooks()


@pytest.fixture(params=RUNBOOKS, ids=lambda page: page.name)
def page(request):
    return request.param


def test_a_page_has_its_headings_in_their_order(page):
    assert page.headings == HEADINGS


def test_a_page_is_tried_by_tests_that_exist_and_one_of_them_follows_it(root, page):
    assert page.tried_by
    texts = [(root / file).read_text() for file in page.tried_by]
    assert any(f'follow(system, "{page.name}"' in text for text in texts)


def test_a_page_has_no_block_that_its_test_would_not_read(page):
    fences = sum(line.strip().endswith("```") for line in page.text.splitlines())
    assert fences == 2 * page.blocks


def test_a_page_stands_in_the_list_with_its_recovery_time_and_point(page):
    rows = (PAGES / "README.md").read_text().splitlines()
    [row] = [row for row in rows if f"({page.name}.md)" in row]
    _, _, recovery_time, point, _ = (cell.strip() for cell in row.split("|"))
    assert recovery_time
    assert point
