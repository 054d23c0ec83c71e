"""How every page looks: it keeps nobody out, fits its window, and does nothing it may not."""

import pytest

from tests.browser.browsing import NARROW, PAGES, SCHEMES, WIDE
from tests.browser.sights import JOBS


def look_at(visitor, path):
    """What is wrong with a page, in both widths and both schemes."""
    visitor.go(path)
    found = []
    for width in (NARROW, WIDE):
        for scheme in SCHEMES:
            visitor.look(width=width, scheme=scheme)
            where = f"{path} at {width} in {scheme}"
            found += [f"{where}: too wide: {each}" for each in visitor.overflow()]
            found += [f"{where}: {each}" for each in visitor.barriers()]
    return found


def test_the_form_to_sign_in_keeps_nobody_out(visitor_of):
    assert look_at(visitor_of(), "/ui/login") == []


@pytest.mark.parametrize("name", PAGES)
def test_a_page_keeps_nobody_out_and_fits_its_window(operator, jobs, name):
    assert look_at(operator, PAGES[name]) == []


@pytest.mark.parametrize("place", [*range(len(JOBS)), -1])
def test_a_jobs_page_keeps_nobody_out_whatever_came_of_it(operator, jobs, place):
    assert look_at(operator, f"/ui/jobs/{jobs[place]}") == []


def test_an_error_is_a_page_too(visitor_of, system):
    visitor = visitor_of()
    visitor.sign_in(system.run["admin_key"])

    found = look_at(visitor, "/ui/jobs/none")

    assert found == []
    assert "404" in visitor.page.title() or visitor.page.get_by_role("heading").count()
    visitor.faults.clear()  # the browser says of a 404 that it is one
