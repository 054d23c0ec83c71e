"""A rebuilt database knows what was spent, what is held, and what may be."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from sqlalchemy import delete, select

from fixative.access.budgets import Holder, list_budgets, set_budget, sums
from fixative.errors import OverBudget
from fixative.postgres.money_tables import LedgerEntry, SpendDay
from fixative.recovery.export_access import export_access
from fixative.recovery.export_money import export_money


@pytest.fixture
def submit(submit_priced):
    """Every job of these tests has a price."""
    return submit_priced


@pytest.fixture
def copied(services, database):
    def copy():
        export_access(database, services.bucket, services.keys)
        export_money(database, services.bucket, services.keys)

    return copy


@pytest.fixture
def money(database):
    """All that is known of it: the ledger's sums, what days cost, budgets with their balances."""

    def read():
        with database.begin() as session:
            days = session.execute(select(SpendDay.day, SpendDay.amount)).all()
            return sums(session), days, list_budgets(session, datetime.now(UTC).date())

    return read


@pytest.fixture
def budgets(database, owner_id):
    today = datetime.now(UTC).date()
    with database.begin() as session:
        set_budget(session, Holder(owner_id), "day", Decimal(5), today)
        set_budget(session, Holder(owner_id), "total", Decimal(9), today)
        set_budget(session, None, "day", Decimal(100), today)


@pytest.mark.usefixtures("budgets")
def test_budgets_and_the_ledger_come_back_and_still_hold(
    ran, submit, services, copied, forgotten, rebuild, money
):
    ran()
    submit("4")
    services.records.record_accepted()
    copied()
    before = money()
    forgotten()

    report = rebuild()

    assert money() == before
    assert (report.brought_back["ledger"], report.brought_back["budgets"]) == (3, 3)
    assert report.problems == []
    with pytest.raises(OverBudget):
        submit("4")


@pytest.mark.usefixtures("budgets")
def test_what_the_copy_of_the_ledger_lacks_follows_from_the_jobs(
    ran, submit, services, copied, forgotten, rebuild, money
):
    copied()
    ran()
    submit("4")
    services.records.record_accepted()
    before = money()
    forgotten()

    rebuild()

    assert money() == before
    rebuild()
    assert money() == before


def test_a_copy_keeps_what_a_restored_database_has_lost(
    ran, submit, copied, database, services, forgotten, rebuild, money
):
    ran()
    copied()
    (held, spent), _, _ = money()
    with database.begin() as session:
        session.execute(delete(LedgerEntry))
    submit("1")
    copied()
    services.records.record_accepted()
    forgotten()

    rebuild()

    assert money()[0] == (held + 1, spent)


def test_a_copy_that_cannot_be_read_is_named_and_no_harm(
    ran, services, copied, forgotten, rebuild, put, money
):
    ran()
    copied()
    before = money()
    [key] = [found.key for found in services.bucket.listing(services.keys.config("ledger/"))]
    put(key, b"no archive")
    put(services.keys.config("budgets.json"), b"[{}]")
    forgotten()

    report = rebuild()

    assert sorted(problem.kind for problem in report.problems) == [
        "budgets: unreadable",
        "ledger: unreadable",
    ]
    assert money() == before
