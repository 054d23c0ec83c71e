"""What the scripts of both Python clients share: an order comes in a line, and so goes its answer.

Nothing of ours is imported: all that is at hand is what a user of the client has.
"""

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from typing import Any

Word = Callable[..., Any]


def obey(words: Mapping[str, Word]) -> None:
    """Answer every order with what its word gave or raised, until nobody gives any more."""
    for line in sys.stdin:
        order = json.loads(line)
        answer = attempted(words[order.pop("do")], **order)
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def attempted(word: Word, /, *args: Any, **more: Any) -> dict[str, Any]:
    """What it gave, or how it failed."""
    try:
        return {"gave": word(*args, **more)}
    except Exception as error:  # noqa: BLE001 - whatever a client raises is the answer
        status = getattr(error, "status", None) or getattr(error, "status_code", None)
        return {"raised": type(error).__name__, "said": str(error), "status": status}


def shown(output: Any) -> Any:
    """An output of a run: the files in it are read, and stand there by what was read."""
    if hasattr(output, "read"):
        return told_of(output.url, output.read())
    if isinstance(output, Mapping):
        return {name: shown(value) for name, value in output.items()}
    if isinstance(output, Iterable) and not isinstance(output, str):
        return [shown(item) for item in output]
    return output


def told_of(url: str, content: bytes) -> dict[str, Any]:
    """A file that was read."""
    return {"url": url, "sha256": sha256(content).hexdigest(), "bytes": len(content)}


def prediction_shown(prediction: Any) -> dict[str, Any]:
    """What a test asks of a prediction."""
    names = ("id", "status", "model", "version", "output", "error")
    return {name: getattr(prediction, name) for name in names}


def at_once(run: Word, calls: Iterable[Mapping[str, Any]], threads: int) -> Iterator[Any]:
    """Each call's answer, `threads` of them at a time."""
    with ThreadPoolExecutor(threads) as pool:
        yield from pool.map(lambda call: attempted(run, **call), calls)
