"""What a job cost is settled once, by what its predictions tell, however it ends."""

from decimal import Decimal

import pytest
from sqlalchemy import func, update

from fixative.jobs.adopt import prove_absent
from fixative.jobs.billing import settle
from fixative.jobs.cancel import cancel_prediction, request_cancel
from fixative.jobs.ingest import ingest
from fixative.jobs.store import get_job
from fixative.postgres.tables import Job
from fixative.replicate.prediction import read_prediction
from tests.money.conftest import FLUX, Money

NOTHING = Decimal(0)
A_MILLIONTH = Decimal("0.000001")  # to what the local Replicate rounds


@pytest.fixture
def configure(emulator):
    def change(**config):
        emulator.post("/_emulator/config", json=config).raise_for_status()

    return change


@pytest.fixture
def due(database):
    """The job's time has come."""

    def make(job_id):
        with database.begin() as session:
            now = {"next_attempt_at": func.now(), "waiting_reason": None}
            session.execute(update(Job).where(Job.id == job_id).values(now))

    return make


@pytest.fixture
def told(database, attempts_of):
    """Tell of the job's prediction again, with some of it changed."""

    def tell(job_id, **changed):
        raw = {**attempts_of(job_id)[-1].prediction, **changed}
        with database.begin() as session:
            ingest(session, read_prediction(raw), cause="webhook")

    return tell


def test_a_success_costs_what_it_ran_and_frees_the_rest(
    submit_priced, budget, balance, ledger, end, bill, counted, kinds
):
    budget("1")

    job = end(submit_priced("1"))

    assert job.status == "succeeded"
    assert job.cost == counted() == pytest.approx(bill(), abs=A_MILLIONTH)
    assert job.cost_basis.endswith(" s × 0.003")
    assert balance() == ledger() == Money(NOTHING, job.cost)
    assert kinds() == ["reserve", "settle"]


def test_failed_and_canceled_runs_cost_what_they_ran(
    submit_priced, budget, balance, end, bill, configure, services, database, eventually, read_job
):
    budget("10")
    failed = end(submit_priced(model="emulator/fail"))
    assert failed.status == "failed"
    configure(latency={"*": {"start": 0.01, "run": 30}})
    job_id = submit_priced()
    services.submitter.submit(job_id)
    with database.begin() as session:
        request_cancel(session, get_job(session, job_id))
    eventually(
        lambda: (
            cancel_prediction(database, services.replicate, job_id)
            or read_job(job_id).status == "canceled"
        )
    )

    canceled = read_job(job_id)
    assert balance() == Money(NOTHING, failed.cost + canceled.cost)
    assert failed.cost + canceled.cost == pytest.approx(bill(), abs=A_MILLIONTH)


def test_what_was_held_stays_held_through_requeues_and_what_is_unknown(
    submit_priced, budget, balance, configure, services, database, attempts_of, end, counted, due
):
    budget("1")
    held = Money(Decimal(1), NOTHING)
    job_id = submit_priced("1")

    services.submitter.models.target_of(FLUX, None, None)
    configure(faults={"reset": 1})
    services.submitter.submit(job_id)
    assert attempts_of(job_id)[-1].outcome == "unknown"
    assert (balance(), counted()) == (held, Decimal(1))
    with database.begin() as session:
        unknown = session.merge(attempts_of(job_id)[-1])
        prove_absent(session, get_job(session, job_id), unknown, cause="adopt", detail="not there")
    assert (balance(), counted()) == (held, NOTHING)

    configure(faults={"reset": 0})
    due(job_id)
    job = end(job_id)
    assert balance() == Money(NOTHING, job.cost)
    assert counted() == job.cost > 0


def test_settling_again_and_news_that_come_twice_change_nothing(
    submit_priced, budget, balance, end, told, database, kinds
):
    budget("1")
    job = end(submit_priced("1"))

    told(job.id)
    with database.begin() as session:
        settle(session, job.id)

    assert balance() == Money(NOTHING, job.cost)
    assert kinds() == ["reserve", "settle"]


def test_what_is_told_later_is_settled_as_a_difference(
    submit_priced, budget, balance, end, told, read_job, counted, ledger
):
    budget("1")
    job = end(submit_priced("1"))

    told(job.id, metrics={"predict_time": 100, "total_time": 101})

    assert read_job(job.id).cost == Decimal("0.3")
    assert balance() == ledger() == Money(NOTHING, Decimal("0.3"))
    assert counted() == Decimal("0.3")


def test_a_prediction_that_was_paid_for_twice_costs_twice(
    submit_priced, budget, balance, end, database, attempts_of, read_job, counted
):
    budget("1")
    job = end(submit_priced("1"))
    first = attempts_of(job.id)[-1]
    second = {**first.prediction, "id": "second0paid", "metrics": {"predict_time": 10}}

    with database.begin() as session:
        ingest(session, read_prediction(second), cause="webhook", attempt=first)

    assert [attempt.outcome for attempt in attempts_of(job.id)] == ["created", "duplicate"]
    assert read_job(job.id).cost == job.cost + Decimal("0.03") == counted()
    assert balance() == Money(NOTHING, job.cost + Decimal("0.03"))


def test_a_job_without_a_price_has_no_cost_and_no_entry(submit, end, kinds, counted):
    job = end(submit())

    assert (job.cost, job.cost_basis) == (None, None)
    assert kinds() == []
    assert counted() == NOTHING


def test_once_the_days_cap_is_reached_nothing_is_sent_and_no_job_is_lost(
    submit_priced, submit, budget, balance, services, attempts_of, read_job, counted, end, due
):
    budget("1.5", everybody=True)
    first, second, free = submit_priced("1"), submit_priced("1"), submit()

    services.submitter.submit(first)
    services.submitter.submit(second)
    assert attempts_of(second) == []
    assert (read_job(second).status, read_job(second).waiting_reason) == ("queued", "spend_cap")
    assert counted() == Decimal(1)

    cost = end(first).cost
    assert balance() == Money(NOTHING, cost)
    due(second)
    services.submitter.submit(second)
    assert len(attempts_of(second)) == 1
    assert counted() == cost + 1
    budget("1", everybody=True)
    services.submitter.submit(free)
    assert attempts_of(free) == []
    budget(None, everybody=True)
    due(free)
    services.submitter.submit(free)
    assert len(attempts_of(free)) == 1
