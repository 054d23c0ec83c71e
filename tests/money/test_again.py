"""Batches and retries hold what they may cost, like jobs that come alone and for the first time."""

import uuid
from decimal import Decimal

import pytest
from sqlalchemy import update

from fixative.catalog.price import Price
from fixative.catalog.terms import Terms
from fixative.errors import OverBudget
from fixative.jobs.accept import JobRequest
from fixative.jobs.accept_many import NewJob, accept_many
from fixative.jobs.cancel import request_cancel
from fixative.jobs.retry import retry
from fixative.jobs.store import error_of, get_job
from fixative.postgres.tables import Job
from tests.money.conftest import FLUX, Money

NOTHING = Decimal(0)


@pytest.fixture
def batch(database, owner_id):
    """Accept jobs that may cost so much each, at once."""

    def take_in(*most, **changed):
        asked = JobRequest(model=FLUX, input={"prompt": "a cat"})
        price = Price.model_validate({"per_second": "0.003"})
        terms = [Terms(**{"price": price, "max_cost": Decimal(each), **changed}) for each in most]
        with database.begin() as session:
            new = [NewJob(asked, each, asked, None) for each in terms]
            whose = {"api_key_id": None, "batch_id": uuid.uuid4()}
            return accept_many(session, new, owner_id, **whose)

    return take_in


@pytest.fixture
def again(database):
    def take_up(job_id, **how):
        with database.begin() as session:
            retry(session, job_id, cause="api", **how)

    return take_up


def test_a_batch_holds_what_its_jobs_may_cost_together(batch, budget, balance, ledger, read_job):
    budget("10")

    jobs = batch("1.5", "2", "0.25")

    assert balance() == ledger() == Money(Decimal("3.75"), NOTHING)
    assert [read_job(job_id).max_cost for job_id in jobs] == [
        *(Decimal("1.5"), Decimal(2), Decimal("0.25"))
    ]
    assert read_job(jobs[0]).price == {"per_second": "0.003"}


def test_a_batch_that_does_not_fit_is_refused_whole(batch, budget, balance, all_jobs):
    budget("3")

    with pytest.raises(OverBudget, match="these 2 jobs"):
        batch("2", "2")

    assert (all_jobs(), balance()) == ([], Money(NOTHING, NOTHING))
    assert len(batch("1", "2")) == 2


def test_another_attempt_holds_its_worst_case_and_both_are_paid_for(
    submit_priced, budget, balance, ledger, end, again, attempts_of
):
    budget("10")
    job_id = submit_priced("1", model="emulator/fail")
    first = end(job_id)
    assert (first.status, balance()) == ("failed", Money(NOTHING, first.cost))

    again(job_id, pay_again=True)
    assert balance() == ledger() == Money(Decimal(1), first.cost)

    both = end(job_id)
    assert len(attempts_of(job_id)) == 2
    assert both.cost > first.cost
    assert balance() == ledger() == Money(NOTHING, both.cost)


def test_a_retry_that_is_not_left_is_refused_and_the_job_stays_as_it_ended(
    database, submit_priced, budget, balance, again, read_job
):
    budget("3")
    job_id = submit_priced("2")
    with database.begin() as session:
        request_cancel(session, get_job(session, job_id))
    submit_priced("2")

    with pytest.raises(OverBudget, match="more than is left"):
        again(job_id, pay_again=True)

    assert read_job(job_id).status == "canceled"
    assert balance() == Money(Decimal(2), NOTHING)


def test_storing_again_costs_nothing(
    database, services, submit_priced, budget, balance, counted, again, end, read_job, attempts_of
):
    budget("10")
    job_id = submit_priced("1")
    cost = end(job_id).cost
    before = (balance(), counted())
    with database.begin() as session:
        broke = error_of("internal", "it broke")
        session.execute(update(Job).values(status="failed", error=broke))

    again(job_id)
    services.storer.store(job_id)

    job = read_job(job_id)
    assert (job.status, job.cost, len(attempts_of(job_id))) == ("succeeded", cost, 1)
    assert (balance(), counted()) == before
