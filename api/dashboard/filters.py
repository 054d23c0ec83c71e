"""How things are written on pages."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from fixative.dollars import dollars

MINUTE, HOUR, DAY = 60, 3600, 86_400
KILO = 1000
CENTS, DIGITS = 2, 4


def seconds(value: float | None) -> str:
    """A span of time, in the two units that matter."""
    if value is None:
        return "–"
    value = float(value)
    if abs(value) < 1:
        return f"{value * 1000:.0f} ms"
    if abs(value) < MINUTE:
        return f"{value:.1f} s"
    if abs(value) < HOUR:
        return f"{int(value // MINUTE)} min {int(value % MINUTE)} s"
    if abs(value) < DAY:
        return f"{int(value // HOUR)} h {int(value % HOUR // MINUTE)} min"
    return f"{int(value // DAY)} d {int(value % DAY // HOUR)} h"


def since(value: Any) -> str:
    """How long ago an instant was."""
    return seconds(max(0.0, (datetime.now(UTC) - instant(value)).total_seconds()))


def until(value: Any) -> str:
    """How long it is to an instant; nothing is left when it has passed."""
    return seconds(max(0.0, (instant(value) - datetime.now(UTC)).total_seconds()))


def instant(value: Any) -> datetime:
    """An instant, however it was written."""
    read = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    return read if read.tzinfo else read.replace(tzinfo=UTC)


def at(value: Any) -> str:
    """An instant, in UTC to the second."""
    return "–" if value is None else f"{instant(value).astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def size(value: int | None) -> str:
    """A number of bytes."""
    if value is None:
        return "–"
    number = float(value)
    for unit in ("B", "kB", "MB", "GB"):
        if number < KILO:
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= KILO
    return f"{number:.1f} TB"


def money(value: Decimal | str | None) -> str:
    """US dollars, to four digits that count, or to the cent."""
    if value is None:
        return "–"
    amount = Decimal(value)
    return f"${dollars(round(amount, max(CENTS, DIGITS - 1 - amount.adjusted())))}"


def percent(value: float | None) -> str:
    """A share."""
    return "–" if value is None else f"{100 * value:.1f} %"


def local(value: str) -> str:
    """An address of ours without its host: pages load nothing from anywhere else."""
    parts = urlsplit(value)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def pretty(value: Any) -> str:
    """Any JSON, to be read."""
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)


FILTERS: dict[str, Callable[..., Any]] = {
    each.__name__: each for each in (seconds, since, until, at, size, money, percent, local, pretty)
}
