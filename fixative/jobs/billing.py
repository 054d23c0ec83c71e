"""A job's money: held when it is accepted, settled when it has ended, and never counted twice.

What should be is told by the job's row and its attempts, what was by the ledger's sums; every
function here writes the difference. So all of it may be called twice, late and out of order.
"""

import uuid
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Date, cast, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from fixative.access.budgets import EVERYBODY, Holder, any_of, holder_of, reserve, shift, sums
from fixative.catalog.cost import Cost, cost_of
from fixative.catalog.price import Price
from fixative.jobs.states import is_terminal
from fixative.postgres.money_tables import Budget, LedgerEntry, SpendDay
from fixative.postgres.prepared import Prepared
from fixative.postgres.tables import UNSETTLED, Attempt, Job
from fixative.replicate.prediction import RUNNING
from fixative.telemetry.alarms import alarm

NOTHING = Decimal(0)
TODAY = cast(func.timezone("UTC", func.now()), Date)
CAP = Prepared[Any](select(Budget.amount).where(Budget.holder == EVERYBODY, Budget.period == "day"))
OF_JOB = (
    *(Job.id, Job.status, Job.owner_id, Job.api_key_id, Job.created_at),
    *(Job.model, Job.version, Job.deployment, Job.price, Job.max_cost),
)


def reserve_for(session: Session, jobs: Sequence[Job]) -> None:
    """Hold the most that jobs just accepted can cost; all are of one owner and one key.

    Raises OverBudget, with nothing to be committed: so none is accepted.
    """
    first = jobs[0]
    amounts = [job.max_cost or NOTHING for job in jobs]
    if not any(amounts) and not any_of(session, first.owner_id):
        return
    holder = holder_of(session, first.owner_id, first.api_key_id)
    entries = [
        _entry(job, holder, "reserve", amount, NOTHING)
        for job, amount in zip(jobs, amounts, strict=True)
        if amount
    ]
    if entries:
        session.execute(insert(LedgerEntry), entries)
    bounded = all(job.max_cost is not None for job in jobs)
    whole = sum(amounts, NOTHING) if bounded else None
    what = "this job" if len(jobs) == 1 else f"these {len(jobs)} jobs"
    reserve(session, holder, utc_day(first.created_at), whole, what=what)


def settle(session: Session, job_id: uuid.UUID) -> None:
    """Bring a job's cost, the ledger, the budgets and the days to what its attempts say.

    To be called in the transaction that moved the job, or told of one of its predictions; the
    job's row is locked by then. Until the job has ended, the most that it can cost stays held.
    """
    job = session.execute(select(*OF_JOB).where(Job.id == job_id)).one()
    if job.price is None:
        return
    costs = _count_attempts(session, job)
    was_held, was_spent = sums(session, LedgerEntry.job_id == job_id)
    held, spent = job.max_cost or NOTHING, was_spent
    if is_terminal(job.status):
        held, spent = NOTHING, sum((cost.amount for cost in costs), NOTHING)
    if is_terminal(job.status) and costs:
        basis = "; ".join(cost.basis for cost in costs)
        known = {"cost": spent, "cost_basis": basis}
        session.execute(update(Job).where(Job.id == job_id).values(known))
    more_held, more_spent = held - was_held, spent - was_spent
    if not more_held and not more_spent:
        return
    kind = "reserve" if more_held > 0 else "settle" if costs else "release"
    holder = holder_of(session, job.owner_id, job.api_key_id)
    session.execute(insert(LedgerEntry).values(_entry(job, holder, kind, more_held, more_spent)))
    shift(session, holder, utc_day(job.created_at), reserved=more_held, spent=more_spent)


def may_spend(session: Session, job: Job) -> bool:
    """Whether an attempt of the job may be made today; if so the most that it can cost is counted.

    Nothing goes, whatever it costs, once the day's cap for all together is reached.
    """
    found = CAP.first(session)
    cap = found and found.amount
    worst = job.max_cost or NOTHING
    if cap is None and not worst:
        return True
    if cap is None or worst <= cap:
        below = None if cap is None else (SpendDay.amount + worst <= cap) & (SpendDay.amount < cap)
        if _add(session, TODAY, worst, where=below):
            return True
    _say_capped(session)
    return False


def utc_day(instant: datetime) -> date:
    """The UTC day, by which money is counted."""
    return instant.astimezone(UTC).date()


def _count_attempts(session: Session, job: Any) -> list[Cost]:
    """Count each attempt on its day as what it costs by now; the costs of those that have ended."""
    told = (
        *(Attempt.id, Attempt.outcome, Attempt.created_at, Attempt.counted),
        *(Attempt.prediction_status, Attempt.prediction),
    )
    price, costs = Price.model_validate(job.price), []
    rows = select(*told).where(Attempt.job_id == job.id).order_by(Attempt.number)
    for attempt in session.execute(rows).all():
        if attempt.outcome in UNSETTLED or attempt.prediction_status in RUNNING:
            continue
        amount = NOTHING
        if attempt.prediction is not None:
            cost = cost_of(price, attempt.prediction)
            costs.append(cost)
            amount = cost.amount
        if amount != (attempt.counted or NOTHING):
            _recount(session, attempt, amount)
    return costs


def _recount(session: Session, attempt: Any, amount: Decimal) -> None:
    session.execute(update(Attempt).where(Attempt.id == attempt.id).values(counted=amount))
    _add(session, utc_day(attempt.created_at), amount - (attempt.counted or NOTHING))


def _add(session: Session, day: Any, amount: Decimal, *, where: Any = None) -> bool:
    """Add to what a day has cost; False where a condition on its row keeps it as it is."""
    row = insert(SpendDay).values(day=day, amount=amount)
    more = {"amount": SpendDay.amount + amount}
    row = row.on_conflict_do_update(index_elements=["day"], set_=more, where=where)
    return session.scalar(row.returning(SpendDay.day)) is not None


def _entry(
    job: Any, holder: Holder, kind: str, reserved: Decimal, spent: Decimal
) -> dict[str, Any]:
    return {
        "id": uuid7(),
        "job_id": job.id,
        "owner_id": job.owner_id,
        "api_key_id": holder.api_key_id,
        "model": job.deployment or job.model or job.version,
        "day": utc_day(job.created_at),
        "kind": kind,
        "reserved": reserved,
        "spent": spent,
    }


def _say_capped(session: Session) -> None:
    row = insert(SpendDay).values(day=TODAY, capped_at=func.now())
    first = SpendDay.capped_at.is_(None)
    said = {"capped_at": func.now()}
    row = row.on_conflict_do_update(index_elements=["day"], set_=said, where=first)
    day = session.scalar(row.returning(SpendDay.day))
    if day is not None:
        alarm("day_is_spent", day=day.isoformat())
