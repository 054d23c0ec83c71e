"""Jobs with a price, and what money says of them."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import func, select

from fixative.access.budgets import Holder, list_budgets, set_budget, sums
from fixative.postgres.engine import Database
from fixative.postgres.money_tables import LedgerEntry, SpendDay
from fixative.postgres.tables import Job
from fixative.recovery.poll import ask_about
from worker.services import Services

FLUX = "black-forest-labs/flux-schnell"
A_SECOND = "0.003"  # what the local Replicate bills for one of its runs


@dataclass(frozen=True)
class Money:
    """What is held and what is spent, by the ledger or by a budget."""

    held: Decimal
    spent: Decimal


@pytest.fixture
def today() -> date:
    return datetime.now(UTC).date()


@pytest.fixture
def budget(database: Database, owner_id: uuid.UUID, today: date) -> Callable[..., None]:
    """Set a budget; of the tests' owner unless told otherwise."""

    def put(
        amount: str | None,
        period: str = "day",
        *,
        key: uuid.UUID | None = None,
        everybody: bool = False,
    ) -> None:
        holder = None if everybody else Holder(owner_id, key)
        with database.begin() as session:
            set_budget(session, holder, period, amount and Decimal(amount), today)

    return put


@pytest.fixture
def balance(database: Database, today: date) -> Callable[..., Money]:
    """What is held and spent of the budget of this period; of a key's where asked for."""

    def read(period: str = "day", *, of_key: bool = False) -> Money:
        with database.begin() as session:
            found = list_budgets(session, today)
        [view] = [v for v in found if v.period == period and (v.key is not None) == of_key]
        return Money(view.reserved, view.spent)

    return read


@pytest.fixture
def ledger(database: Database) -> Callable[[], Money]:
    """What all entries come to."""

    def read() -> Money:
        with database.begin() as session:
            return Money(*sums(session))

    return read


@pytest.fixture
def all_jobs(database: Database) -> Callable[[], list[Job]]:
    def read() -> list[Job]:
        with database.begin() as session:
            return list(session.scalars(select(Job)))

    return read


@pytest.fixture
def kinds(database: Database) -> Callable[[], list[str]]:
    def read() -> list[str]:
        with database.begin() as session:
            return list(session.scalars(select(LedgerEntry.kind).order_by(LedgerEntry.id)))

    return read


@pytest.fixture
def counted(database: Database) -> Callable[[], Decimal]:
    """What all days have cost."""

    def read() -> Decimal:
        with database.begin() as session:
            return session.scalars(select(func.coalesce(func.sum(SpendDay.amount), 0))).one()

    return read


@pytest.fixture
def bill(emulator: Any) -> Callable[[], Decimal]:
    """What the local Replicate bills: the seconds that its runs took, however they ended."""

    def read() -> Decimal:
        seconds = emulator.get("/_emulator/stats").json()["bill"]["predict_seconds"]
        return Decimal(str(seconds)) * Decimal(A_SECOND)

    return read


@pytest.fixture
def end(
    services: Services,
    database: Database,
    eventually: Callable[..., Any],
    attempts_of: Callable[..., Any],
    read_job: Callable[..., Job],
) -> Callable[[uuid.UUID], Job]:
    """Have a job submitted, ended as its prediction ends, and stored, as the workers do."""

    def go(job_id: uuid.UUID) -> Job:
        services.submitter.submit(job_id)

        def ended() -> bool:
            ask_about(database, services.replicate, attempts_of(job_id)[-1].prediction_id)
            return read_job(job_id).status not in {"starting", "processing"}

        eventually(ended)
        services.storer.store(job_id)
        return read_job(job_id)

    return go
