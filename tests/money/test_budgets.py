"""What a budget lets in, and whose budgets a job's money counts for."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest

from fixative.access.keys import create_key, rotate_key
from fixative.errors import DatabaseAway, OverBudget
from fixative.jobs.cancel import request_cancel
from fixative.jobs.store import get_job
from tests.money.conftest import Money

PEPPER = "a pepper of these tests"


@pytest.fixture
def key_id(database, owner_id):
    with database.begin() as session:
        return create_key(session, PEPPER, "tests", ("submit",)).row.id


def test_of_a_thousand_at_once_as_many_are_accepted_as_the_budget_is_worth(
    submit_priced, budget, balance, ledger, all_jobs
):
    budget("10")

    def one(_):
        try:
            return submit_priced("0.1")
        except OverBudget:
            return None
        except DatabaseAway:  # ten connections at once, on a machine that does other things too
            return one(_)

    with ThreadPoolExecutor(10) as many:
        accepted = [job_id for job_id in many.map(one, range(1000)) if job_id]

    assert len(accepted) == 100
    assert {job.id for job in all_jobs()} == set(accepted)
    assert balance() == ledger() == Money(Decimal(10), Decimal(0))


def test_what_does_not_fit_is_refused_whole_and_smaller_ones_still_fit(
    submit_priced, budget, all_jobs
):
    budget("1")
    submit_priced("0.7")

    with pytest.raises(OverBudget, match=r"may cost 0.4 US dollars.*owner's budget \(day, 1\)"):
        submit_priced("0.4")

    submit_priced("0.3")
    assert len(all_jobs()) == 2


@pytest.mark.parametrize("period", ["day", "month", "total"])
def test_every_budget_of_a_job_must_have_room(submit_priced, budget, period):
    budget("100", "day")
    budget("100", "month")
    budget("100", "total")
    budget("1", period)

    with pytest.raises(OverBudget, match=period):
        submit_priced("2")
    submit_priced("1")


def test_what_has_no_bound_is_refused_where_there_is_a_budget(submit_priced, budget):
    submit_priced(None)
    budget("1")

    with pytest.raises(OverBudget, match="has no bound"):
        submit_priced(None)


def test_a_job_of_a_model_without_a_price_is_refused_where_there_is_a_budget(submit, budget):
    submit()
    budget("1")

    with pytest.raises(OverBudget):
        submit()


def test_a_keys_budget_is_its_own_and_its_owners_holds_for_it_too(
    submit_priced, budget, balance, key_id
):
    budget("1", key=key_id)
    budget("1.5")

    submit_priced("1", key=key_id)

    with pytest.raises(OverBudget, match="key's"):
        submit_priced("0.1", key=key_id)
    submit_priced("0.5")
    with pytest.raises(OverBudget, match="owner's"):
        submit_priced("0.1")
    assert balance(of_key=True) == Money(Decimal(1), Decimal(0))
    assert balance() == Money(Decimal("1.5"), Decimal(0))


def test_a_rotated_key_goes_on_with_the_budget_of_the_first(
    submit_priced, budget, key_id, database
):
    budget("1", key=key_id)
    with database.begin() as session:
        second = rotate_key(session, PEPPER, str(key_id)).row
        third = rotate_key(session, PEPPER, str(second.id)).row

    submit_priced("0.4", key=second.id)
    submit_priced("0.4", key=third.id)

    for key in (key_id, second.id, third.id):
        with pytest.raises(OverBudget):
            submit_priced("0.4", key=key)


def test_another_owners_budget_is_no_concern(submit_priced, budget, database):
    budget("0")
    with database.begin() as session:
        other = create_key(session, PEPPER, "another", ("submit",)).row
    assert isinstance(submit_priced("1", owner=other.owner_id, key=other.id), uuid.UUID)


def test_a_budget_counts_what_its_period_has_seen_before_it_was_set(
    submit_priced, budget, balance, end
):
    job = end(submit_priced("1"))
    submit_priced("0.5")

    for period in ("day", "month", "total"):
        budget("1", period)
        assert balance(period) == Money(Decimal("0.5"), job.cost)


def test_a_budget_lifted_and_set_again_is_counted_anew(submit_priced, budget, balance):
    budget("1")
    submit_priced("0.5")
    budget(None)
    submit_priced("5")
    budget("6")

    assert balance() == Money(Decimal("5.5"), Decimal(0))
    with pytest.raises(OverBudget):
        submit_priced("1")


def test_what_is_canceled_before_it_was_sent_gives_back_what_it_held(
    submit_priced, budget, balance, database, kinds
):
    budget("1")
    job_id = submit_priced("1")

    with database.begin() as session:
        request_cancel(session, get_job(session, job_id))

    assert balance() == Money(Decimal(0), Decimal(0))
    assert kinds() == ["reserve", "release"]
    submit_priced("1")
