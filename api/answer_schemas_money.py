"""What the answers about money look like. Amounts are US dollars, as decimal text."""

from datetime import date
from typing import Literal

from pydantic import ConfigDict, Field

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

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "items": [
                    {
                        "owner": "acme",
                        "key": None,
                        "period": "month",
                        "amount": "250",
                        "reserved": "0.04",
                        "spent": "17.31",
                    }
                ],
                "next": None,
            }
        }
    )

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

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "items": [
                    {
                        "day": "2026-01-01",
                        "owner": "acme",
                        "model": "black-forest-labs/flux-schnell",
                        "jobs": 120,
                        "spent": "0.36",
                        "reserved": "0",
                        "currency": "USD",
                    }
                ],
                "next": None,
            }
        }
    )

    items: list[UsageItem]
    next: None = None
