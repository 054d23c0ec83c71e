"""Budgets: what an owner, one of its keys, or all together may spend in a day, a month, or ever.

A budget's balance has a row for each period, moved by conditional update. Whoever is counted, the
ledger's sums are the same: a balance that is missing is counted from it.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from fixative.dollars import dollars
from fixative.errors import OverBudget
from fixative.postgres.money_tables import Balance, Budget, LedgerEntry, SpendDay
from fixative.postgres.prepared import Prepared
from fixative.postgres.tables import ApiKey, Owner

EVERYBODY = "all"
EVER = date(1970, 1, 1)  # the only period of a total begins here


@dataclass(frozen=True)
class Holder:
    """Whose budgets a job's money counts for: its owner's, and its key's."""

    owner_id: uuid.UUID
    api_key_id: uuid.UUID | None = None  # the first of those that replaced each other

    @property
    def name(self) -> str:
        """What the budgets of exactly this holder are filed under."""
        return f"owner:{self.owner_id}" if self.api_key_id is None else f"key:{self.api_key_id}"

    @property
    def names(self) -> list[str]:
        """What all budgets are filed under that its money counts for."""
        return [self.name, *([] if self.api_key_id is None else [Holder(self.owner_id).name])]


ANY_OF = Prepared[Any](select(Budget.holder).where(Budget.owner_id == bindparam("owner")).limit(1))


def any_of(session: Session, owner_id: uuid.UUID) -> bool:
    """Whether an owner has a budget, for itself or one of its keys."""
    return ANY_OF.first(session, owner=owner_id) is not None


def holder_of(session: Session, owner_id: uuid.UUID, api_key_id: uuid.UUID | None) -> Holder:
    """Whose money it is: a key that was rotated goes on with the budgets of the first."""
    if api_key_id is None:
        return Holder(owner_id)
    root = select(func.coalesce(ApiKey.root_id, ApiKey.id)).where(ApiKey.id == api_key_id)
    return Holder(owner_id, session.scalar(root))


def starts_of(period: str, day: date) -> date:
    """When the period began that a day lies in."""
    return {"day": day, "month": day.replace(day=1), "total": EVER}[period]


def reserve(
    session: Session, holder: Holder, day: date, amount: Decimal | None, *, what: str = "this job"
) -> None:
    """Hold an amount in every budget that a holder's money counts for. None: it has no bound.

    Raises OverBudget, after which the transaction must not be committed.
    """
    applying = select(Budget).where(Budget.holder.in_(holder.names))
    # In one order, as `shift` has it, so that no two wait for each other.
    for budget in session.scalars(applying.order_by(Budget.holder, Budget.period)):
        if amount is None:
            raise OverBudget(f"what {what} may cost has no bound, and {_called(budget)} has one")
        held = insert(Balance).values(
            holder=budget.holder,
            period=budget.period,
            starts=starts_of(budget.period, day),
            reserved=amount,
        )
        held = held.on_conflict_do_update(
            index_elements=["holder", "period", "starts"],
            set_={"reserved": Balance.reserved + amount},
            where=Balance.reserved + Balance.spent + amount <= budget.amount,
        )
        fits = amount <= budget.amount and session.scalar(held.returning(Balance.holder))
        if not fits:
            most = f"{what} may cost {dollars(amount)} US dollars"
            raise OverBudget(f"{most}, more than is left of {_called(budget)}")


def shift(
    session: Session, holder: Holder, day: date, *, reserved: Decimal, spent: Decimal
) -> None:
    """Move every balance that a holder's money of a day counts for by these differences."""
    these = and_(Balance.holder.in_(holder.names), _periods(day))
    key = (Balance.holder, Balance.period, Balance.starts)
    session.execute(select(Balance.holder).where(these).order_by(*key).with_for_update())
    moved = {"reserved": Balance.reserved + reserved, "spent": Balance.spent + spent}
    session.execute(update(Balance).where(these).values(moved))


def set_budget(
    session: Session, holder: Holder | None, period: str, amount: Decimal | None, today: date
) -> None:
    """Have a holder, or all together (None), spend at most this amount a period; None: no limit.

    What the period has seen so far counts. Nobody's job is accepted or ends meanwhile.
    """
    name = EVERYBODY if holder is None else holder.name
    if amount is None:
        session.execute(delete(Budget).where(Budget.holder == name, Budget.period == period))
        session.execute(delete(Balance).where(Balance.holder == name, Balance.period == period))
        return
    row = insert(Budget).values(
        holder=name,
        period=period,
        owner_id=holder and holder.owner_id,
        api_key_id=holder and holder.api_key_id,
        amount=amount,
    )
    changed = {"amount": amount, "updated_at": func.now()}
    session.execute(row.on_conflict_do_update(index_elements=["holder", "period"], set_=changed))
    if holder is not None:
        recount(session, holder, period, today)


def recount(session: Session, holder: Holder, period: str, today: date) -> None:
    """Count the current period's balance of one budget anew, from the ledger."""
    # Every entry of the ledger has a share in its owner's row: none is written beside this.
    session.execute(select(Owner.id).where(Owner.id == holder.owner_id).with_for_update())
    starts = starts_of(period, today)
    own = [LedgerEntry.owner_id == holder.owner_id, LedgerEntry.day >= starts]
    if holder.api_key_id is not None:
        own.append(LedgerEntry.api_key_id == holder.api_key_id)
    reserved, spent = sums(session, *own)
    row = insert(Balance).values(
        holder=holder.name, period=period, starts=starts, reserved=reserved, spent=spent
    )
    counted = {"reserved": reserved, "spent": spent}
    session.execute(
        row.on_conflict_do_update(index_elements=["holder", "period", "starts"], set_=counted)
    )


def sums(session: Session, *which: ColumnElement[bool]) -> tuple[Decimal, Decimal]:
    """What these entries of the ledger come to: held, and spent."""
    held, spent = func.sum(LedgerEntry.reserved), func.sum(LedgerEntry.spent)
    both = select(func.coalesce(held, 0), func.coalesce(spent, 0)).where(*which)
    held_now, spent_now = session.execute(both).one()
    return held_now, spent_now


@dataclass(frozen=True)
class BudgetView:
    """A budget, and what its current period has seen. `owner` and `key` name its holder."""

    owner: str | None
    key: str | None
    period: str
    amount: Decimal
    reserved: Decimal
    spent: Decimal


def list_budgets(session: Session, today: date) -> Sequence[BudgetView]:
    """Every budget, by owner, key and period.

    That of all together holds nothing in reserve: what may still run counts as spent.
    """
    now = or_(*(_this(period, today) for period in ("day", "month", "total")))
    rows = session.execute(
        select(Owner.name, ApiKey.prefix, Budget, Balance, SpendDay.amount)
        .select_from(Budget)
        .outerjoin(Owner, Owner.id == Budget.owner_id)
        .outerjoin(ApiKey, ApiKey.id == Budget.api_key_id)
        .outerjoin(
            Balance, and_(Balance.holder == Budget.holder, Balance.period == Budget.period, now)
        )
        .outerjoin(SpendDay, and_(Budget.holder == EVERYBODY, SpendDay.day == today))
        .order_by(Owner.name.nulls_first(), ApiKey.prefix.nulls_first(), Budget.period)
    )
    return [_view(*row) for row in rows]


def _view(
    owner: str | None, key: str | None, budget: Budget, balance: Any, of_the_day: Decimal | None
) -> BudgetView:
    nothing = Decimal(0)
    return BudgetView(
        owner=owner,
        key=key,
        period=budget.period,
        amount=budget.amount,
        reserved=balance.reserved if balance else nothing,
        spent=balance.spent if balance else of_the_day or nothing,
    )


def _periods(day: date) -> ColumnElement[bool]:
    return or_(*(_this(period, day) for period in ("day", "month", "total")))


def _this(period: str, day: date) -> ColumnElement[bool]:
    return and_(Balance.period == period, Balance.starts == starts_of(period, day))


def _called(budget: Budget) -> str:
    whose = "the key's" if budget.api_key_id is not None else "the owner's"
    return f"{whose} budget ({budget.period}, {dollars(budget.amount)})"
