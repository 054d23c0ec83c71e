"""The tables of money: what may be spent, what is, and every movement. In US dollars."""

import uuid
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from fixative.postgres.base import NOW, Table, one_of

PERIODS = ("day", "month", "total")
KINDS = ("reserve", "settle", "release")


class Budget(Table):
    """What may be spent in each period by an owner, by one of its keys, or by all together."""

    __tablename__ = "budgets"

    holder: Mapped[str] = mapped_column(primary_key=True)  # says the same as the two ids
    period: Mapped[str] = mapped_column(primary_key=True)
    owner_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("owners.id"))
    api_key_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("api_keys.id"))
    amount: Mapped[Decimal]
    updated_at: Mapped[datetime] = mapped_column(server_default=NOW)

    __table_args__ = (CheckConstraint(one_of("period", PERIODS), name="period"),)


class Balance(Table):
    """What of one period of a budget is spent, and what is held for jobs that have not ended."""

    __tablename__ = "balances"

    holder: Mapped[str] = mapped_column(primary_key=True)
    period: Mapped[str] = mapped_column(primary_key=True)
    starts: Mapped[date] = mapped_column(primary_key=True)
    reserved: Mapped[Decimal] = mapped_column(server_default="0")
    spent: Mapped[Decimal] = mapped_column(server_default="0")


class LedgerEntry(Table):
    """One movement of a job's money. Only ever inserted: the sums are what is held and spent."""

    __tablename__ = "ledger"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    job_id: Mapped[uuid.UUID]
    owner_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("owners.id"))
    api_key_id: Mapped[uuid.UUID | None]  # the first of those that replaced each other
    model: Mapped[str | None]  # or version, or deployment: as the job asked for it
    day: Mapped[date]  # of the job's acceptance, in UTC: whose budgets it counts for
    kind: Mapped[str]
    reserved: Mapped[Decimal]  # the difference that it makes
    spent: Mapped[Decimal]
    at: Mapped[datetime] = mapped_column(server_default=NOW)

    __table_args__ = (
        CheckConstraint(one_of("kind", KINDS), name="kind"),
        Index("ix_ledger_job", "job_id"),
        Index("ix_ledger_owner_day", "owner_id", "day"),
        Index("ix_ledger_day", "day"),
    )


class SpendDay(Table):
    """What the attempts of a UTC day cost: while one may still run, the most that it can."""

    __tablename__ = "spend_days"

    day: Mapped[date] = mapped_column(primary_key=True)
    amount: Mapped[Decimal] = mapped_column(server_default="0")
    capped_at: Mapped[datetime | None]  # since when no more may be spent that day
