"""The tables of money: what may be spent, what is spent, and every movement between the two.

Amounts are US dollars to the billionth, since a token costs a few of these.
"""

import uuid
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from fixative.postgres.base import NOW, Table, one_of

PERIODS = ("day", "month", "total")
MOVEMENTS = ("reserve", "settle", "release")


class Budget(Table):
    """What an owner, or one key, may spend in a day, in a month (UTC), or in all."""

    __tablename__ = "budgets"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    owner_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("owners.id"))
    api_key_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("api_keys.id"))
    period: Mapped[str]
    amount: Mapped[Decimal]
    # Of the period that begins on this day; another period begins with both at nothing.
    starts_on: Mapped[date]
    reserved: Mapped[Decimal] = mapped_column(server_default="0")
    spent: Mapped[Decimal] = mapped_column(server_default="0")
    created_at: Mapped[datetime] = mapped_column(server_default=NOW)

    __table_args__ = (
        CheckConstraint(one_of("period", PERIODS), name="period"),
        CheckConstraint("num_nonnulls(owner_id, api_key_id) = 1", name="whose"),
        Index("uq_budgets_owner", "owner_id", "period", unique=True),
        Index("uq_budgets_key", "api_key_id", "period", unique=True),
    )


class LedgerEntry(Table):
    """One movement of money for one job. Only ever inserted."""

    __tablename__ = "ledger"

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=True)
    at: Mapped[datetime] = mapped_column(server_default=NOW)
    kind: Mapped[str]
    job_id: Mapped[uuid.UUID]  # stays when the job is gone
    owner_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("owners.id"))
    api_key_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("api_keys.id"))
    model: Mapped[str | None]
    counts_on: Mapped[date]  # the day, in UTC, whose budgets it belongs to: of the acceptance
    reserved: Mapped[Decimal]  # what it adds to what is reserved; less than nothing frees
    spent: Mapped[Decimal]  # what it adds to what is spent
    basis: Mapped[str | None]  # how the amount came about, in words

    __table_args__ = (
        CheckConstraint(one_of("kind", MOVEMENTS), name="kind"),
        Index("ix_ledger_job", "job_id", "id"),
        Index("ix_ledger_owner_day", "owner_id", "counts_on"),
        Index("ix_ledger_day", "counts_on"),
    )
