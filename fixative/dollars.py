"""US dollars as text."""

from decimal import Decimal


def dollars(amount: Decimal) -> str:
    """The amount without zeros at its end, never with an exponent."""
    return f"{amount.normalize():f}"
