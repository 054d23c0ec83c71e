"""What runs cost: of one that ended what it cost, of one to come the most that it can.

Replicate bills time however a run ended, and files and tokens where there are any
(reference: "metrics" in the prediction, "Cancel-After").
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from fixative.catalog.price import Price
from fixative.dollars import dollars

CENTS = Decimal("0.000000001")  # what an amount is kept to
COUNTS_FILES = "image_count"  # of metrics, where a model tells it
SENSELESS = 1e12  # more of a unit than any run can take
ASKS_FOR_FILES = "num_outputs"  # of an input, where a model takes it


@dataclass(frozen=True)
class Cost:
    """In US dollars, and how it came about."""

    amount: Decimal
    basis: str


def cost_of(price: Price, prediction: Mapping[str, Any]) -> Cost:
    """What a prediction that has ended cost, by what it tells of itself.

    A run that never began cost nothing. Of a unit that it does not tell nothing is counted, and
    the basis says so.
    """
    if prediction.get("started_at") is None and not prediction.get("metrics"):
        return Cost(Decimal(0), "never ran")
    amount, told = Decimal(0), []
    for name, unit, read in UNITS:
        each = getattr(price, name)
        if not each:
            continue
        number = read(prediction)
        if number is None:
            told.append(f"{unit} not told")
            continue
        amount += each * number
        told.append(f"{dollars(number)} {unit} × {dollars(each)}")
    return Cost(amount.quantize(CENTS), " + ".join(told) or "free")


def worst_case(
    price: Price | None, max_cost: Decimal | None, seconds: int, input_: Mapping[str, Any]
) -> Decimal | None:
    """The most that one run of at most so many seconds can cost; None when nothing bounds it.

    `max_cost` is what the registry says. Without it a price by the token is bounded by nothing,
    and one by the image only where the input says how many there will be.
    """
    if max_cost is not None:
        return max_cost
    if price is None or price.per_input_token or price.per_output_token:
        return None
    worst = (price.per_run or 0) + (price.per_second or 0) * Decimal(seconds)
    if price.per_image:
        asked_for = input_.get(ASKS_FOR_FILES)
        if not isinstance(asked_for, int) or isinstance(asked_for, bool) or asked_for < 0:
            return None
        worst += price.per_image * asked_for
    return Decimal(worst).quantize(CENTS)


def _metric(name: str) -> Callable[[Mapping[str, Any]], Decimal | None]:
    def read(prediction: Mapping[str, Any]) -> Decimal | None:
        return _number((prediction.get("metrics") or {}).get(name))

    return read


def _seconds(prediction: Mapping[str, Any]) -> Decimal | None:
    """As billed; of a run that does not tell, from its start to its end."""
    told = _metric("predict_time")(prediction)
    if told is not None:
        return told
    try:
        started, ended = (
            datetime.fromisoformat(str(prediction[name])) for name in ("started_at", "completed_at")
        )
    except (KeyError, ValueError):
        return None
    return _number(max(0.0, (ended - started).total_seconds()))


def _images(prediction: Mapping[str, Any]) -> Decimal | None:
    told = _metric(COUNTS_FILES)(prediction)
    if told is not None:
        return told
    output = prediction.get("output")
    if isinstance(output, list):
        return Decimal(len(output))
    return Decimal(output is not None)


def _number(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < SENSELESS:
        return None
    return Decimal(str(value))


UNITS: tuple[tuple[str, str, Callable[[Mapping[str, Any]], Decimal | None]], ...] = (
    ("per_run", "run", lambda _: Decimal(1)),
    ("per_second", "s", _seconds),
    ("per_image", "images", _images),
    ("per_input_token", "input tokens", _metric("input_token_count")),
    ("per_output_token", "output tokens", _metric("output_token_count")),
)
