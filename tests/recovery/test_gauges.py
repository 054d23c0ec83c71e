"""What Postgres tells at a scrape of all that waits, is left over or is spent."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import func, insert, select, update
from uuid_utils.compat import uuid7

from fixative.access.budgets import EVERYBODY
from fixative.jobs.billing import TODAY
from fixative.jobs.dead_letters import bury
from fixative.jobs.pauses import pause
from fixative.names import STORE_OUTPUTS
from fixative.postgres.media_tables import Media
from fixative.postgres.money_tables import Budget, SpendDay
from fixative.postgres.notification_tables import Subscriber
from fixative.postgres.operation_tables import Tick
from fixative.postgres.sync_tables import SyncRun
from fixative.postgres.tables import Delivery, Job
from fixative.recovery.gauges import GAUGES

MINUTE = timedelta(minutes=1)


@pytest.fixture
def read(database):
    """A gauge's values by their labels, or by themselves; seconds as whole ones."""

    def values(name):
        [gauge] = [gauge for gauge in GAUGES if gauge.name == f"fixative_{name}"]
        with database.begin() as session:
            found = {labels: round(value) for labels, value in gauge.read(session)}
        return found if gauge.labels else found.get(())

    return values


@pytest.fixture
def add(database):
    def execute(*statements):
        with database.begin() as session:
            for statement in statements:
                session.execute(statement)

    return execute


def test_of_an_empty_system_all_can_be_read(read):
    late = read("stage_due_seconds")

    assert set(late.values()) == {0}
    assert len(late) == 8
    assert (read("bucket_bytes"), read("spend_day_dollars"), read("paused")) == (0, 0, 0)
    assert (read("next_expiry_seconds"), read("spend_day_cap_dollars")) == (None, None)


def test_what_waits_is_told_by_its_reason_and_by_how_late_it_is(read, add, submit, storing):
    submit()
    add(update(Job).values(waiting_reason="pace", next_attempt_at=func.now() - MINUTE))
    storing()
    expiring = {"expires_at": func.now() + MINUTE, "next_attempt_at": func.now() - 2 * MINUTE}
    add(update(Job).where(Job.status == "storing").values(expiring))
    at = datetime.now(UTC) - 3 * MINUTE
    add(
        insert(Delivery).values(
            webhook_id="w",
            prediction_id="p",
            prediction_status="succeeded",
            prediction={},
            next_attempt_at=at,
        )
    )

    late = read("stage_due_seconds")
    assert {stage: late[stage,] // 10 for stage in ("submit", "store", "ingest")} == {
        "submit": 6,
        "store": 12,
        "ingest": 18,
    }
    assert read("jobs_waiting") == {("pace",): 1}
    assert 50 <= read("next_expiry_seconds") <= 60


def test_what_is_stored_is_told_in_bytes(read, storing, services, database):
    job_id = storing()
    services.storer.store(job_id)

    with database.begin() as session:
        stored = session.scalar(select(func.sum(Media.bytes)))
    assert read("bucket_bytes") == stored > 0


def test_what_was_given_up_closed_paused_or_spent_is_told(read, add, database):
    with database.begin() as session:
        bury(session, STORE_OUTPUTS, {}, ValueError("x"))
        pause(session)
    began = {"started_at": func.now() - MINUTE, "began_at": func.now()}
    add(
        insert(Tick).values(name="fixative.sweep", finished_at=func.now() - MINUTE),
        insert(Subscriber).values(origin="https://a.example", closed_until=func.now() + MINUTE),
        insert(Subscriber).values(origin="https://b.example", closed_until=func.now() - MINUTE),
        insert(SyncRun).values(id=uuid7(), mode="regular", status="partial", **began),
        insert(SpendDay).values(day=TODAY, amount=Decimal(12)),
        insert(Budget).values(holder=EVERYBODY, period="day", amount=Decimal(50)),
    )

    assert read("dead_letters_open") == {(STORE_OUTPUTS,): 1}
    assert read("tick_age_seconds") == {("fixative.sweep",): 60}
    assert (read("subscribers_closed"), read("paused")) == (1, 1)
    assert read("sync_age_seconds") == {("partial",): 60}
    assert (read("spend_day_dollars"), read("spend_day_cap_dollars")) == (12, 50)
