"""What was spent, by owner, model and day, as the ledger has it."""

import uuid
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from fixative.postgres.money_tables import LedgerEntry
from fixative.postgres.tables import Owner


@dataclass(frozen=True)
class Usage:
    """What an owner's jobs of one model, accepted on one UTC day, cost and still hold."""

    day: date
    owner: str
    model: str | None
    jobs: int
    spent: Decimal
    reserved: Decimal


def usage(session: Session, *, owner_id: uuid.UUID | None, since: date, until: date) -> list[Usage]:
    """From the newest day to the oldest, both named days included; None: every owner's.

    Only jobs of models with a price are in it.
    """
    entry = LedgerEntry
    wanted = [entry.day >= since, entry.day <= until]
    if owner_id is not None:
        wanted.append(entry.owner_id == owner_id)
    rows = session.execute(
        select(
            entry.day,
            Owner.name,
            entry.model,
            func.count(entry.job_id.distinct()),
            func.sum(entry.spent),
            func.sum(entry.reserved),
        )
        .join(Owner, Owner.id == entry.owner_id)
        .where(*wanted)
        .group_by(entry.day, Owner.name, entry.model)
        .order_by(entry.day.desc(), Owner.name, entry.model)
    )
    return [Usage(*row) for row in rows]
