"""One system with something of everything, one browser, and visitors whose faults are told."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.browser.browsing import CHROMIUM, Visitor, chromium
from tests.browser.sights import furnish, submit_jobs, variables
from tests.system.conftest import System


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        pytest.skip(f"no {CHROMIUM}: pages were not looked at (apt-get install chromium)")
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def system(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """One system for all tests, running; without a browser there is none."""
    running = System(tmp_path_factory.mktemp("browser") / "data", "--no-flower", **variables())
    yield running
    running.stop()


@pytest.fixture(scope="module")
def jobs(system: System) -> list[str]:
    """Its jobs, one of each kind, and what operators make beside them."""
    ids = submit_jobs(system)
    furnish(system, ids[0])
    return ids


@pytest.fixture
def visitor_of(browser: Browser, system: System) -> Iterator[Callable[..., Visitor]]:
    """Somebody who looks at the dashboard. Whatever a page does wrong fails the test."""
    visitors: list[Visitor] = []

    def come(**window: Any) -> Visitor:
        visitors.append(Visitor(browser, system.run["api_url"], **window))
        return visitors[-1]

    yield come
    for visitor in visitors:
        visitor.context.close()
    assert [fault for visitor in visitors for fault in visitor.faults] == []


@pytest.fixture(scope="module")
def session(browser: Browser, system: System) -> Any:
    """What a browser keeps of having signed in as whoever may do everything."""
    visitor = Visitor(browser, system.run["api_url"])
    visitor.sign_in(system.run["admin_key"])
    kept = visitor.context.storage_state()
    visitor.context.close()
    return kept


@pytest.fixture
def operator(visitor_of: Callable[..., Visitor], session: Any) -> Visitor:
    """A visitor who has signed in, and may do everything."""
    return visitor_of(storage_state=session)
