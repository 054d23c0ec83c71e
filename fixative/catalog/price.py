"""What a model costs, in US dollars."""

from decimal import Decimal
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

Dollars = Annotated[Decimal, Field(ge=0, max_digits=20, decimal_places=9)]


class Price(BaseModel):
    """A model's price: the sum of what is named, each for one unit of it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    per_run: Dollars | None = None
    per_second: Dollars | None = None  # of `metrics.predict_time`
    per_image: Dollars | None = None  # of the output's files
    per_input_token: Dollars | None = None  # of `metrics.input_token_count`
    per_output_token: Dollars | None = None  # of `metrics.output_token_count`


def is_price(value: Any) -> bool:
    """Whether a JSON value is a price as we write one."""
    try:
        Price.model_validate(value)
    except ValidationError:
        return False
    return True
