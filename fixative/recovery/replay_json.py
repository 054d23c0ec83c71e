"""Strict JSON: what another reader could take for something else is refused, by what it is."""

import json
import math
from typing import Any

from fixative.errors import Corrupt

DEEPEST = 200
MOST = 5_000_000  # lists and objects: each takes many times the memory of its two characters
SMALLEST, LARGEST = -(2**63), 2**64 - 1


def parse_json(raw: bytes) -> Any:
    """The value of one JSON text. Raises Corrupt, which says what is wrong with it."""
    if raw.count(b"{") + raw.count(b"[") > MOST:
        raise Corrupt(f"more than {MOST:,} lists and objects")
    try:
        value = json.loads(
            raw.decode(),
            object_pairs_hook=_object,
            parse_constant=no_constant,
            parse_float=_finite,
            parse_int=_integer,
        )
    except UnicodeDecodeError as error:
        raise Corrupt("not UTF-8") from error
    except RecursionError as error:
        raise Corrupt(f"nested deeper than {DEEPEST} levels") from error
    except ValueError as error:
        raise Corrupt(f"not JSON: {error}") from error
    if b"\\u" in raw or raw.count(b"{") + raw.count(b"[") > DEEPEST:  # else neither can be
        _check(value)
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        names = [name for name, _ in pairs]
        raise Corrupt(f"twice in one object: {next(n for n in made if names.count(n) > 1)!r}")
    return made


def no_constant(name: str) -> Any:
    """What Python takes for a number, and nobody else."""
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
    within = [iter((value,))]
    while within:
        for inner in within[-1]:
            if isinstance(inner, str):
                _check_text(inner)
            elif isinstance(inner, dict | list):
                if len(within) > DEEPEST:
                    raise Corrupt(f"nested deeper than {DEEPEST} levels")
                if isinstance(inner, dict):
                    _check_text("".join(inner))
                within.append(iter(inner.values() if isinstance(inner, dict) else inner))
                break
        else:
            within.pop()


def _check_text(text: str) -> None:
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise Corrupt("half of a surrogate pair") from None
