"""However long the history, a page and a look for work read little more than they show or do."""

import psycopg
import pytest

from bench.history import make_history
from bench.scale import probed, read_of

pytestmark = pytest.mark.wide

JOBS = 20_000
MOST = 1_500  # rows: a page shows a hundred at most, and 200 jobs are unfinished
MORE = {
    "page: models": 5_500,  # of each of the newest jobs its use, and what was spent
    "page: models's own": 5_500,
    "GET /metrics": 8_000,  # the bucket's size is estimated from a sample of so many rows
    "gauges": 8_000,
}
NEVER_SMALL = {"jobs", "attempts", "transitions", "deliveries", "media", "notifications", "ledger"}


@pytest.fixture
def database_url(unused_database_url):
    """Of another test's rows the planner's statistics would stay."""
    make_history(unused_database_url, JOBS)
    return unused_database_url


def test_nothing_reads_history_from_end_to_end(environ, database_url):
    """By Postgres's own count, under a plan for what is asked and one for any parameter."""
    rows, scanned = {}, {}
    for plans in ("auto", "force_generic_plan"):
        for name, found in _read(environ, database_url, plans).items():
            rows[plans, name] = found.rows.total()
            scanned[plans, name] = found.scanned & NEVER_SMALL

    assert {name: tables for name, tables in scanned.items() if tables} == {}
    assert {name: n for name, n in rows.items() if n > MORE.get(name[1], MOST)} == {}


def _read(environ, database_url, plans):
    name = database_url.rpartition("/")[2]
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {name} SET plan_cache_mode = {plans}")
    with probed(environ, database_url) as (probes, kept):
        for probe in probes.values():
            probe()  # what is read once, as keys are, is then known
        return read_of(probes, kept)
