"""What requests about money must look like. Amounts are US dollars."""

from datetime import UTC, date, datetime, timedelta
from typing import Literal

from pydantic import ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from api.schemas import Body, Day, Request, Text, exactly_one, one_of
from fixative.catalog.price import Dollars

MOST_DAYS = 92
USUAL_DAYS = 31


class BudgetRequest(Body):
    """What a holder may spend in each period: exactly one of owner, key, all."""

    model_config = ConfigDict(
        json_schema_extra={
            **one_of("owner", "key", "all"),
            "anyOf": [
                {"properties": {"period": {"const": "day"}}},
                {"properties": {"all": {"type": "null"}}},
            ],
            "example": {"owner": "acme", "period": "month", "amount": "250"},
        }
    )

    owner: Text | None = Field(None, description="The owner's name; made if absent")
    key: Text | None = Field(None, description="A key's id or prefix; rotated, its heir goes on")
    all: Literal[True] | None = Field(
        None, description="All owners together. Once a day's is spent, jobs wait for the next"
    )
    period: Literal["day", "month", "total"] = Field(description="Of the calendar in UTC")
    amount: Dollars | None = Field(description="null: no limit any more")

    @model_validator(mode="after")
    def _one_holder(self) -> "BudgetRequest":
        if self.all and self.period != "day":
            raise PydanticCustomError("period", "all together have a budget for the day only")
        return exactly_one(self, "owner", "key", "all")


class UsageFilter(Request):
    """Which days, of acceptance in UTC; and, with the scope admin, whose."""

    since: Day | None = Field(None, description=f"{USUAL_DAYS} days are shown when left out")
    until: Day | None = Field(None, description="Today when left out")
    owner: Text | None = Field(None, description="An owner's name; for the scope admin")

    @model_validator(mode="after")
    def _few_days(self) -> "UsageFilter":
        first, last = self.days()
        if not first <= last < first + timedelta(days=MOST_DAYS):
            raise PydanticCustomError("days", f"1 to {MOST_DAYS} days, since before until")
        return self

    def days(self) -> tuple[date, date]:
        """The first and the last day that are asked for."""
        last = self.until or datetime.now(UTC).date()
        return self.since or last - timedelta(days=USUAL_DAYS - 1), last
