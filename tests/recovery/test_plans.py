"""However much is known, a page of history and a look for work read what they need, and no more."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import make_url, text, update
from uuid_utils.compat import uuid7

from fixative.jobs.accept import JobRequest, accept
from fixative.jobs.admit import admit
from fixative.jobs.adopt import adopt_unknown
from fixative.jobs.listing import backlog
from fixative.postgres.tables import Attempt, Job
from fixative.recovery.gauges import GAUGES
from fixative.recovery.poll import poll_predictions
from fixative.recovery.state import count_in_review
from fixative.recovery.sweep import sweep

KNOWN = 2000
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
OFTEN = 12  # a statement is prepared at its sixth time


@pytest.fixture
def database_url(unused_database_url):
    """Of another test's rows the planner's statistics would stay."""
    return unused_database_url


@pytest.fixture
def always_generic(database, database_url):
    """Plans are kept for any parameter, as Postgres keeps them where they once seemed cheap."""
    name = make_url(database_url).database
    with database.begin() as session:
        session.execute(text(f"ALTER DATABASE {name} SET plan_cache_mode = force_generic_plan"))
    database.close()  # for connections that know it


@pytest.fixture
def unanalyzed(database):
    """Tables that grow faster than anybody counts their rows."""
    with database.begin() as session:
        for table in ("jobs", "attempts"):
            session.execute(text(f"ALTER TABLE {table} SET (autovacuum_enabled = off)"))


@pytest.fixture
def scanned(database):
    """How many rows of jobs and attempts were read without an index so far."""

    def read():
        with database.begin() as session:
            session.execute(text("SELECT pg_stat_force_next_flush()"))
        with database.begin() as session:
            return session.scalar(
                text(
                    "SELECT sum(seq_tup_read) FROM pg_stat_user_tables"
                    " WHERE relname IN ('jobs', 'attempts')"
                )
            )

    return read


@pytest.fixture
def unsettled(database, submit):
    """An attempt of long ago that nobody has settled."""
    with database.begin() as session:
        outcome = {"outcome": "unknown", "created_at": LONG_AGO, "ended_at": LONG_AGO}
        session.add(Attempt(id=uuid7(), job_id=submit(), number=1, **outcome))


def test_pages_of_history_scan_no_table_while_it_grows(
    unanalyzed, unsettled, bootstrap, add_history, scanned
):
    add_history(KNOWN)
    before = scanned()

    bootstrap()

    assert scanned() - before < KNOWN


def test_looking_for_work_scans_nothing_that_has_ended(
    services, database, owner_id, add_history, bootstrap, scanned, always_generic
):
    add_history(KNOWN, status="failed")
    bootstrap()
    with database.begin() as session:
        session.execute(update(Job).values(record_due_at=None))
        session.execute(text("ANALYZE"))
    before = scanned()

    for _ in range(OFTEN):
        sweep(database, {})
        admit(database, services.creates)
        poll_predictions(database, services.replicate)
        adopt_unknown(database, services.replicate)
        with database.begin() as session:
            backlog(session)
            count_in_review(session)
            for gauge in GAUGES:
                list(gauge.read(session))
            accept(session, JobRequest(model="emulator/echo", input={}), owner_id)

    assert scanned() - before < KNOWN
