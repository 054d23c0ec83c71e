"""What the answers about money look like. Amounts are US dollars, as decimal text."""

from datetime import date
from typing import Literal

from pydantic import Field

from api.answer_schemas import Answer


class BudgetItem(Answer):
    """What a holder may spend in each period, and what the current one has seen."""

    owner: str | None = Field(description="null: all together")
    key: str | None = Field(description="The prefix of the key whose it is; null: the owner's")
    period: Literal["day", "month", "total"]
    amount: str
    reserved: str = Field(description="The most that jobs which have not ended may still cost")
    spent: str


class BudgetPage(Answer):
    """Every budget, by owner, key and period."""

    items: list[BudgetItem]
    next: None = None


class UsageItem(Answer):
    """What an owner's jobs of one model, accepted on one UTC day, cost and still hold."""

    day: date
    owner: str
    model: str | None = Field(description="The model, version or deployment that was asked for")
    jobs: int
    spent: str
    reserved: str
    currency: Literal["USD"]


class UsagePage(Answer):
    """From the newest day to the oldest."""

    items: list[UsageItem]
    next: None = None
