"""Strict JSON: what another reader could take for something else is refused, by what it is."""

import json
import math
from typing import Any

from fixative.errors import Corrupt

DEEPEST = 200
SMALLEST, LARGEST = -(2**63), 2**64 - 1


def parse_json(raw: bytes) -> Any:
    """The value of one JSON text. Raises Corrupt, which says what is wrong with it."""
    try:
        value = json.loads(
            raw.decode(),
            object_pairs_hook=_object,
            parse_constant=_no_constant,
            parse_float=_finite,
            parse_int=_integer,
        )
    except UnicodeDecodeError as error:
        raise Corrupt("not UTF-8") from error
    except RecursionError as error:
        raise Corrupt(f"nested deeper than {DEEPEST} levels") from error
    except ValueError as error:
        raise Corrupt(f"not JSON: {error}") from error
    _check(value)
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        names = [name for name, _ in pairs]
        raise Corrupt(f"twice in one object: {next(n for n in made if names.count(n) > 1)!r}")
    return made


def _no_constant(name: str) -> Any:
    raise Corrupt(f"{name} is no JSON value")


def _finite(text: str) -> float:
    if not math.isfinite(number := float(text)):
        raise Corrupt("a number too large to hold")
    return number


def _integer(text: str) -> int:
    if len(text) > len(str(SMALLEST)) or not SMALLEST <= (number := int(text)) <= LARGEST:
        raise Corrupt("an integer beyond 64 bits")
    return number


def _check(value: Any) -> None:
    """Refuse half characters, which are no text, and what is too deep to be walked."""
    left = [(value, 1)]
    while left:
        value, depth = left.pop()
        if isinstance(value, str):
            _check_text(value)
        elif isinstance(value, dict | list) and depth > DEEPEST:
            raise Corrupt(f"nested deeper than {DEEPEST} levels")
        elif isinstance(value, dict):
            for name, inner in value.items():
                _check_text(name)
                left.append((inner, depth + 1))
        elif isinstance(value, list):
            left.extend((inner, depth + 1) for inner in value)


def _check_text(text: str) -> None:
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise Corrupt("half of a surrogate pair") from None
