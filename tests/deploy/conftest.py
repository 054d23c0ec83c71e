"""The API on a system of the test's own, scraped; and time passed in rows."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import update

from api.app import Api
from fixative.postgres.engine import Database
from tests.deploy.scrapes import Scrape, assert_alarmed, read_scrape


@pytest.fixture
def scrape_of() -> Callable[[Api], Scrape]:
    """What an API tells Prometheus now."""

    def read(app: Api) -> Scrape:
        answer = app.test_client().get("/metrics")
        assert answer.status_code == 200
        return read_scrape(answer.text)

    return read


@pytest.fixture
def scrape(app: Api, scrape_of: Callable[[Api], Scrape]) -> Callable[[], Scrape]:
    """What the API tells Prometheus now."""
    return lambda: scrape_of(app)


@pytest.fixture
def alarmed(tmp_path: Any) -> Callable[..., None]:
    """Of these scrapes, one after the other, the last but one makes the alarm fire, and no other.

    So: one or more while all is well, one of the condition, one after it was mended.
    """

    def check(
        alarm: str, /, *scrapes: Scrape, minutes: int = 30, every: int = 1, **labels: str
    ) -> None:
        assert_alarmed(tmp_path, alarm, *scrapes, minutes=minutes, every=every, labels=labels)

    return check


@pytest.fixture
def set_rows(database: Database) -> Callable[..., None]:
    """Set columns in every row of a table."""

    def put(table: Any, **values: Any) -> None:
        with database.begin() as session:
            session.execute(update(table).values(values))

    return put
