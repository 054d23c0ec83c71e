"""Alarms about money, and about whom nobody told."""

import uuid
from contextlib import closing
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from sqlalchemy import func

from fixative.access.budgets import set_budget
from fixative.jobs.store import error_of, move
from fixative.notify.notifications import find_untold
from fixative.postgres.money_tables import SpendDay
from fixative.postgres.tables import Job
from tests.deploy.promtool import needs_promtool
from tests.listening import listening
from worker.services import Services

pytestmark = [needs_promtool, pytest.mark.wide]


@pytest.fixture
def spent(database):
    """The attempts of this day cost so much."""

    def put(dollars):
        with database.begin() as session:
            session.merge(SpendDay(day=datetime.now(UTC).date(), amount=dollars))

    return put


@pytest.fixture
def may_spend(database):
    """What all together may spend this day."""

    def put(dollars):
        with database.begin() as session:
            set_budget(session, None, "day", Decimal(dollars), datetime.now(UTC).date())

    return put


def test_a_day_that_costs_ten_times_as_much(spent, scrape, alarmed):
    spent(10)
    well = scrape()
    spent(100)
    dear = scrape()
    spent(10)

    alarmed("FixativeSpendUnusual", well, dear, scrape(), minutes=1200, every=5)


def test_a_budget_that_is_nearly_spent(spent, may_spend, scrape, alarmed):
    may_spend(100)
    spent(10)
    well = scrape()
    spent(90)
    nearly = scrape()
    may_spend(200)

    alarmed("FixativeBudgetNearlySpent", well, nearly, scrape())


def test_a_job_that_the_budget_holds_back(
    services, submit_priced, may_spend, set_rows, read_job, scrape, alarmed
):
    may_spend("1.5")
    first, second = submit_priced("1"), submit_priced("1")
    services.submitter.submit(first)
    well = scrape()
    services.submitter.submit(second)
    assert read_job(second).waiting_reason == "spend_cap"
    held = scrape()
    may_spend(10)
    set_rows(Job, next_attempt_at=func.now())
    services.submitter.submit(second)

    alarmed("FixativeBudgetSpent", well, held, scrape())


def test_a_subscriber_that_wants_nothing_any_more(settings, database, submit, scrape, alarmed):
    def fail_and_tell(listener, notifier):
        job_id = submit(webhook=listener.url)
        with database.begin() as session:
            move(session, job_id, "failed", cause="task", error=error_of("rejected", "so it goes"))
        for hint in find_untold(database, {}):
            notifier.tell(uuid.UUID(hint.arguments["notification_id"]))

    with listening() as listener:
        allowed = {"fixative_allowed_webhook_hosts": listener.origin}
        with closing(Services(settings.model_copy(update=allowed), connections=2)) as services:
            fail_and_tell(listener, services.notifier)
            well = scrape()
            listener.status = 410
            fail_and_tell(listener, services.notifier)
            given_up = scrape()
            listener.status = 200
            fail_and_tell(listener, services.notifier)

    alarmed("FixativeNotificationsGivenUp", well, given_up, scrape())
    assert len(listener.told) == 3
